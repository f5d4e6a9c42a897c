"""For Ansible: an inventory with the machine in the groups `auren` and `auren_STACK`."""

import json
import re
import shlex
from typing import Any

from auren_infra.outputs.contract import StackOutputs
from auren_infra.outputs.formats import ssh

GROUP = "auren"
"""The group of all stacks' machines, for several inventories that are used together."""


def inventory(outputs: StackOutputs, login: ssh.Login) -> str:
    """The inventory as JSON, which Ansible reads as YAML."""
    told = [f"{keyword}={argument}" for keyword, argument in ssh.options(outputs, login).items()]
    variables: dict[str, Any] = {
        "ansible_host": outputs.ssh.host,
        "ansible_port": outputs.ssh.port,
        "ansible_user": outputs.ssh.user,
        "ansible_ssh_common_args": shlex.join(word for option in told for word in ("-o", option)),
        "auren_domain": outputs.domain,
        "auren_containers": {name: service.container for name, service in outputs.services.items()},
    }
    machine = {ssh.host(outputs): variables}
    group = re.sub(r"\W", "_", ssh.host(outputs))  # the name of a group must be valid as the name of a variable
    children = {GROUP: {"children": {group: {"hosts": machine}}}}
    return json.dumps({"all": {"children": children}}, indent=2) + "\n"
