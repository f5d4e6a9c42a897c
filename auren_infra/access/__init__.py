"""Opens SSH to one address for a bounded time, and closes it again: `python -m auren_infra access`.

The stack's own firewall names the networks that may always log in. Everybody else, such as a GitHub runner, has an
address that nobody knows beforehand. An opening is a cloud firewall of its own on the stack's tag, because DigitalOcean
adds up the firewalls of a droplet. It needs neither the machine nor the stack's state, and Pulumi does not see it.

DigitalOcean does not end a firewall by itself. An opening has its end in its name, and each later `open` and `close`
deletes those that are past it. `check` tells of every firewall on the stack's droplets that is not the stack's own.
"""
