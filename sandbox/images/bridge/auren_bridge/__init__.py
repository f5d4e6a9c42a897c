"""A stand-in for AUREN's Biometric Bridge: small, yet it truly works through PostgreSQL, Redis and Kafka."""
