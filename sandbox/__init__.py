"""A cloud on this machine: the APIs, droplets, DNS and registry that AUREN's program is rehearsed against."""
