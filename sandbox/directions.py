"""Where to look once the stack is up: commands to copy, made from the stack's outputs.

The outputs are read from the stack's own state file, so that this needs no engine and shows no secret.
"""

from collections.abc import Mapping
from typing import Any

from sandbox import layout

_MEASUREMENT = '{"user_id": "ada", "metric": "heart_rate", "value": 72}'


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
        "The API, and all that it talks to; a measurement on its way through Kafka, the Bridge and the stores:",
        f"  curl -i -H 'Host: {domain}' http://{address}/api/health",
        f"  curl -i -H 'Host: {domain}' -H 'Content-Type: application/json' -d '{_MEASUREMENT}' http://{address}/api/biometrics",
        f"  curl -i -H 'Host: {domain}' 'http://{address}/api/biometrics?limit=1'",
        "The Kafka UI, open to this machine:",
        f"  http://{address}:8081/",
        "The name, as the simulated DNS answers it, and the website by that name:",
        f"  {lookup}",
        f"  curl -i --resolve {domain}:80:$({lookup}) http://{domain}/",
        "Plain pulumi commands, in a bash of your own:",
        f'  cd {layout.PROJECT} && eval "$(.venv/bin/python -m sandbox env)" && pulumi stack output',
        "The machine itself, from that same shell:",
        f"  (umask 077; pulumi stack output sshPrivateKey --show-secrets > {layout.RUN}/ssh-key)",
        f"  echo '{known_host}' > {layout.RUN}/known_hosts",
        f"  ssh -i {layout.RUN}/ssh-key -o UserKnownHostsFile={layout.RUN}/known_hosts {login}",
    ]
