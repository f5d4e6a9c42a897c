"""AUREN's production as a Pulumi program: what runs, what lands on the machine, where, and what is done there."""

__version__ = "1.0.0"
"""The only place of the version. CHANGELOG.md says what each version has changed."""
