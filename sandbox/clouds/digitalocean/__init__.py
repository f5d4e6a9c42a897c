"""DigitalOcean's API v2, for every resource that the official provider can make on the cloud on this machine."""
