"""Opens SSH to one address for a bounded time, and closes it again: `python -m auren_infra access`.

The stack's own firewall names the networks that may always log in. The addresses of other clients, such as a GitHub
runner, are not known beforehand. An opening is a cloud firewall of its own on the stack's tag, because DigitalOcean
adds up the firewalls of a droplet. It needs neither the machine nor the stack's state, and Pulumi does not see it.

DigitalOcean does not delete a firewall by itself. The name of an opening contains its end. Each later `open` and
`close` deletes expired openings. `check` reports every firewall on the stack's droplets that is not the stack's own.
"""
