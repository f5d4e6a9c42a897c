"""Cloudflare's API v4: one account with one zone, its DNS records and settings."""
