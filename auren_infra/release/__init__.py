"""A new image of a service, written into a stack's configuration file: the change that a pull request shows."""
