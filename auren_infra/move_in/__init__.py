"""Moves a stack's data from a machine that scripts have set up to the one that this program has provisioned.

Deliberately not here: anything that changes what the old machine holds. Its services are stopped and started again, and
nothing of it is ever deleted. Nor are its releases, its logs and its settings moved: they are the program's.
"""
