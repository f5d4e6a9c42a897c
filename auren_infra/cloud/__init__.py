"""The resources at DigitalOcean and Cloudflare, as components."""
