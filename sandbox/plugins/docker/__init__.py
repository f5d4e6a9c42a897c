"""The docker plugin: images built from a context and pushed, by the API of a Docker daemon.

Of the official plugin's types the one that AUREN uses. Images are built by the daemon's own builder rather than
BuildKit, which Docker's client library for Python does not speak; a Dockerfile that needs BuildKit is refused by the
daemon, in its own words.
"""

from sandbox.plugins.docker.daemon import Daemon
from sandbox.plugins.docker.image import Image
from sandbox.plugins.resource import Plugin
from sandbox.plugins.schema import Schema


def plugin() -> Plugin:
    """The plugin, not configured yet."""
    daemon = Daemon()
    return Plugin("docker", Schema("docker"), {Image.token: Image(daemon)}, configure=daemon.configure)
