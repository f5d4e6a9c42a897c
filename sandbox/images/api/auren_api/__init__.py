"""A stand-in for AUREN's API: small, yet it truly uses PostgreSQL, Redis, Chroma and Kafka."""
