"""What the clouds have of a stack, and its state does not know.

A cloud can carry out a request whose answer gets lost: in a cut connection, or when the engine is killed. The plugins
send such a request again, and the cloud makes a second droplet, address or key, which costs money or has rights. Names
of other resources are unique, so the cloud refuses the second one, and the update fails until the first one is deleted.

Left out on purpose: to delete anything. With a state that is damaged or too old, the machine that serves is unknown as
well. And buckets, whose names are nobody else's either: the update that cannot create it says so.
"""
