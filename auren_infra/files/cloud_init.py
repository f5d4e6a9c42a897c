"""The droplet's user data: only what must be there before the first SSH connection.

Any change of it replaces the droplet, and every process on the machine can read it at the metadata address. So it
holds the host key, which is the machine's own anyway, and how sshd lets people in; all else is done over SSH.
"""

import yaml

from auren_infra.files import paths
from auren_infra.files.render import template


def user_data(host_private_key: str, host_public_key: str) -> str:
    """cloud-config with the machine's ed25519 host key (OpenSSH formats). The result is as secret as the key."""
    document = {
        "ssh_deletekeys": True,
        "ssh_keys": {"ed25519_private": host_private_key, "ed25519_public": host_public_key},
        "ssh_pwauth": False,
        "disable_root": False,
        "write_files": [
            {
                # Before 50-cloud-init.conf: the first value that sshd reads counts.
                "path": "/etc/ssh/sshd_config.d/10-auren.conf",
                "content": template("sshd.conf", operator_keys=paths.OPERATOR_KEYS),
            }
        ],
    }
    return "#cloud-config\n" + yaml.safe_dump(document, sort_keys=False)
