"""All nine services on one droplet, looked at from every side: a package, whose tests share one stack."""
