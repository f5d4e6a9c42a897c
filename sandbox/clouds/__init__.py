"""The DigitalOcean and Cloudflare APIs of the cloud on this machine, its name server and its edge."""
