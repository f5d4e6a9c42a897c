"""Where it runs: components over DigitalOcean and Cloudflare."""
