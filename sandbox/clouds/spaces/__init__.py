"""DigitalOcean Spaces: the object store behind it, its door with the real names, and the names themselves."""
