"""Where to look once the stack is up: commands to copy, made from the stack's outputs.

The outputs are read from the stack's own state file, so that this needs no engine and shows no secret.
"""

from collections.abc import Mapping
from typing import Any

from sandbox import layout


def directions(outputs: Mapping[str, Any]) -> list[str]:
    """Empty while the stack has no outputs: nothing is up, or its first update failed."""
    if not {"address", "domain", "ssh", "urls"} <= outputs.keys():
        return []
    address, domain, ssh = outputs["address"], outputs["domain"], outputs["ssh"]
    known_host = str(ssh["knownHosts"]).strip()
    lookup = f"dig @{layout.DNS_ADDRESS} -p {layout.DNS_PORT} +short {domain}"
    login = f"-p {ssh['port']} {ssh['user']}@{ssh['host']}"
    return [
        "The website, by the address of the droplet:",
        f"  curl -i -H 'Host: {domain}' http://{address}/",
        "The API, which writes and reads PostgreSQL and Redis:",
        f"  curl -i -H 'Host: {domain}' http://{address}/api/health",
        "The name, as the simulated DNS answers it, and the website by that name:",
        f"  {lookup}",
        f"  curl -i --resolve {domain}:80:$({lookup}) http://{domain}/",
        "Plain pulumi commands, in a bash of your own:",
        f'  cd {layout.PROJECT} && eval "$(.venv/bin/python -m sandbox env)" && pulumi stack output',
        "The machine itself, from that same shell:",
        f"  (umask 077; pulumi stack output sshPrivateKey --show-secrets > {layout.RUN}/ssh-key)",
        f"  ssh -i {layout.RUN}/ssh-key -o UserKnownHostsFile=<(echo '{known_host}') {login}",
    ]
