"""Whether the machine still is what was deployed: `python -m auren_infra drift` compares the two.

What was deployed is read from the stack's state and not from this checkout, which may be ahead of it. One exception are
sshd's settings, since what cloud-init wrote is secret in the state. What is there is asked once, over one SSH
connection, by a script that changes nothing. All between is pure: each module takes what its part of the commands in
the state asked for and what was found, and returns the differences.

Deliberately not looked at: the cloud (that is `pulumi refresh`), and what the stores hold, topics included.
"""
