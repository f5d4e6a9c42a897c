"""How Kafka is used: the topics, which are made before these services start, and how often a broker is tried."""

EVENTS = "biometric.events"
"""Measurements as they were reported; the key is the user's id, so one user's keep their order."""
PROCESSED = "biometric.processed"
"""Measurements that the Bridge has worked out."""

RETRY_MILLISECONDS = 500
"""While a broker is away the client library says so in the log at every attempt; its own pause is 100 ms."""
