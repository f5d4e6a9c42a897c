"""A stand-in for AUREN's API: small, yet it truly reads and writes PostgreSQL and Redis."""
