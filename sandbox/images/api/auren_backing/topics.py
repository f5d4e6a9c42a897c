"""The topics, which are made before these services start."""

EVENTS = "biometric.events"
"""Measurements as they were reported; the key is the user's id, so one user's keep their order."""
PROCESSED = "biometric.processed"
"""Measurements that the Bridge has worked out."""
