"""Files for a machine: the cloud-init seed of its first boot, and the input of `droplet-init` at every boot."""

import ipaddress
import json
from pathlib import Path

from sandbox import layout
from sandbox.droplets.hypervisor import DropletSpec

_RESOLVERS = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))


def write_seed(directory: Path, spec: DropletSpec) -> None:
    """cloud-init's NoCloud seed: the user-data unchanged, and the SSH keys of root.

    The instance id is the droplet's id, so steps that run once per instance run at the first boot only.
    """
    directory.mkdir(parents=True, exist_ok=True)
    meta_data = {
        "instance-id": str(spec.id),
        "local-hostname": spec.name,
        "public-keys": list(spec.ssh_keys),
    }
    # JSON is YAML.
    write_private(directory / "meta-data", json.dumps(meta_data))
    write_private(directory / "user-data", spec.user_data or "#cloud-config\n{}\n")
    write_private(directory / "vendor-data", "")


def write_firmware(directory: Path, *, system_disk: int) -> None:
    """The input of `droplet-init` except the list of volumes, which changes while the machine runs."""
    directory.mkdir(parents=True, exist_ok=True)
    write_private(directory / "system-disk", f"{system_disk}\n")
    spaces = layout.SPACES_CERTIFICATES / "ca.pem"
    # This name server passes on what it does not know itself. The others are there when it is not.
    own = f"nameserver {layout.SPACES_ADDRESS}\n" if spaces.exists() else ""
    write_private(directory / "resolv.conf", own + name_servers())
    write_private(directory / "spaces-ca.pem", spaces.read_text() if spaces.exists() else "")
    write_private(directory / "registry-host", f"{layout.REGISTRY_HOST}\n")
    authority = layout.STATE / "registry" / "ca.pem"
    write_private(directory / "registry-ca.pem", authority.read_text() if authority.exists() else "")


def write_volumes(directory: Path, volumes: dict[str, int]) -> None:
    """The attached volumes' names with their loop devices' numbers."""
    write_private(directory / "disks", "".join(f"{number} {name}\n" for name, number in sorted(volumes.items())))


def name_servers() -> str:
    """This machine's name servers in resolv.conf's format, so far as they can be reached from a droplet; else empty.

    If this machine is a container, Docker offers its own name server at a loopback address, which a droplet's
    containers cannot use.
    """
    for path in _RESOLVERS:
        words = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        servers = [word[1] for word in words if len(word) > 1 and word[0] == "nameserver"]
        reachable = [server for server in servers if _is_reachable(server)]
        if reachable:
            return "".join(f"nameserver {server}\n" for server in reachable[:3])
    return ""


def write_private(path: Path, text: str) -> None:
    """Replace the file in one step. Only root can read it."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.touch(mode=0o600)
    unfinished.write_text(text)
    unfinished.replace(path)


def _is_reachable(server: str) -> bool:
    try:
        address = ipaddress.ip_address(server)
    except ValueError:
        return False
    return address.version == 4 and not address.is_loopback
