"""Whether the machine still is what was deployed: `python -m auren_infra drift` compares the two.

What was deployed is read from the stack's state and not from this checkout, which may be ahead of it. One exception are
sshd's settings, since what cloud-init wrote is secret in the state. What is there is asked once, over one SSH
connection, by a script that changes nothing. All between is pure: `auren_infra.host.expected` derives from
the commands in the state what is to be there. Each module takes its part of that and of what was found, and returns the
differences.

Deliberately not looked at: the cloud (that is `pulumi refresh`), and what the stores hold, topics included.
"""
