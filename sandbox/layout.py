"""Where the cloud on this machine keeps things and which addresses it uses: every path, port and range, once.

Everything below `STATE` goes with `make down`. `CACHE` holds what is slow to build and stays.
"""

import os
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

NAME = "auren-sandbox"
"""The prefix of everything made on this machine: containers, networks, chains, images, namespaces."""

PROJECT = Path(__file__).parent.parent
"""The Pulumi project that is rehearsed here, and this package's own place."""

STATE = Path(os.environ.get("AUREN_SANDBOX_STATE", "/var/lib/auren-sandbox"))
CACHE = Path(
    os.environ.get("AUREN_SANDBOX_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / NAME
)
RUN = Path("/run") / NAME
EDGE_CERTIFICATES = STATE / "edge"
"""The authority that the simulated Cloudflare's certificates are from, and the certificates."""

API_ADDRESS = "127.0.0.1"
API_PORT = 8600
"""DigitalOcean's API is served at this host's root (`/v2/…`), Cloudflare's below `/client/v4`."""

DNS_ADDRESS = "127.0.0.1"
DNS_PORT = 5300

PUBLIC_NETWORK = IPv4Network("198.51.100.0/24")
"""The simulated public addresses (TEST-NET-2, RFC 5737): they must never leave the machine."""
DROPLET_RANGE = IPv4Network("198.51.100.0/25")
RESERVED_RANGE = IPv4Network("198.51.100.128/25")
GATEWAY = IPv4Address("198.51.100.1")
"""This machine's own address on the droplets' network, the one that its SSH connections come from."""
PUBLIC_BRIDGE = "asbx-public"

INTERNET_RANGE = IPv4Network("198.18.0.0/24")
"""For namespaces that play a client somewhere on the internet."""
DOCKER_BRIDGE_ADDRESS = "198.18.1.1/24"
"""The default bridge of the Docker daemon of our own."""

SPACES_ADDRESS = RESERVED_RANGE.broadcast_address - 3
"""DigitalOcean Spaces: https on port 443, and the name server for its names on port 53. Never given to anyone else."""
SPACES_DOMAIN = "digitaloceanspaces.com"
SPACES = STATE / "spaces"
"""The objects, the keys, and the authority that the certificate of Spaces is from."""
SPACES_CERTIFICATES = SPACES / "certificates"
SPACES_PROXY_PORT = 8609
"""A proxy on loopback for programs of this machine, which has no name server for the names of Spaces."""
SPACES_PORT = 8610
"""The first of the object store's four ports on loopback. Four more are 10,000 higher."""

REGISTRY_HOST = "registry.sandbox.test"
"""The image registry's name inside droplets: https, port 443, at `GATEWAY`."""
REGISTRY_PUSH = "127.0.0.1:5500"
"""The same registry's plain-HTTP door for this machine's own Docker daemon, to push through."""

DOCKER_SOCKET = RUN / "docker.sock"
"""The socket of the Docker daemon of our own; used only when no other daemon runs."""
