"""AUREN's production as a Pulumi program: what runs, what lands on the machine, where, and what is done there."""
