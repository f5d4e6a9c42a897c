"""Secrets and answers of one stack on one droplet: a package, whose tests share it."""
