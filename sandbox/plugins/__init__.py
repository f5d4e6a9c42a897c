"""Provider plugins for machines that cannot download the official ones.

Each is a thin translation from Pulumi's provider protocol to the same public interface that the official plugin
uses, with the official schema's names and its replace-on-change behaviour. `python -m sandbox.plugins NAME` runs one.
"""
