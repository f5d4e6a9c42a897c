"""A server's certificate and the authority that signed it, made once for a cloud on this machine.

The authority's own key is thrown away after its one signature: nobody can make a droplet trust anything else. Nothing
renews them, since they last longer than any cloud here; `down` removes them with the rest.
"""

import os
import shutil
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path

from sandbox import certificates


def ensure_certificates(folder: Path, service: str, hosts: Sequence[str], address: str) -> None:
    """Make ca.pem, server.pem and server.key in `folder`, for host names and an IPv4 address, unless they exist."""
    if (folder / "ca.pem").exists():
        return
    # A folder appears with everything in it or not at all: a cut leaves no key without its certificate.
    staging = folder.with_name(f"{folder.name}.{os.getpid()}.new")
    staging.mkdir(parents=True, mode=0o755)
    try:
        authority_key, server_key = certificates.new_key(), certificates.new_key()
        authority = certificates.authority(authority_key, f"AUREN sandbox {service} authority")
        server = certificates.server(server_key, authority, authority_key, hosts, [IPv4Address(address)])
        certificates.write(staging / "server.key", certificates.key_text(server_key), 0o600)
        certificates.write(staging / "server.pem", certificates.certificate_text(server), 0o644)
        certificates.write(staging / "ca.pem", certificates.certificate_text(authority), 0o644)
        shutil.rmtree(folder, ignore_errors=True)
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
