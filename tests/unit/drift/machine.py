"""A machine on which all is as it was deployed: what `look.sh` would answer there, one part of it changed at a time.

It is made from the services, not from the state that is compared with it; what tools print is as they printed it.
"""

import hashlib
import hmac
import json
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from auren_infra.blueprint import describe
from auren_infra.drift.facts import Facts, read
from auren_infra.drift.users import ROOTS_KEYS, fingerprint
from auren_infra.files import compose, firewall, paths, render
from auren_infra.files.releases import release
from auren_infra.host.machine import script
from auren_infra.placement import Instance
from auren_infra.release_text import Release
from auren_infra.services import capacity
from auren_infra.services.model import BRIDGE, NETWORK_NAME, Service, Update
from auren_infra.settings import CONTAINER_SUBNET, docker
from tests.unit.configuration import ROOT, planned, settings
from tests.unit.rehearsal import NAME, Registration, Rehearsal, public_key

SETTINGS = settings()
AUREN = describe(SETTINGS)
SERVICES = AUREN.by_name
DEVICE = f"/dev/disk/by-id/scsi-0DO_Volume_{NAME}"
KEY = f"ssh-ed25519 {public_key(f'{NAME}-deploy')}"
"""What the program logs in with."""
NOW = datetime(2026, 11, 27, 12, 0, 0, tzinfo=UTC)
RECORDED = ("groups", "listeners", "redirects", "sshd", "sshd-lines", "tables", "users")
"""What `look.sh` printed on a droplet of Debian, but for the ciphers of sshd."""
_UNITS = ROOT / "tests/files/expected/systemd"
_SIGNATURE = "4dabf18193072939515e22adb298388d"


def export(update: Rehearsal, **deployment: object) -> str:
    """What `pulumi stack export` prints of it: what is secret stands there encrypted."""
    resources = [
        {
            "urn": each.urn,
            "type": each.type,
            "outputs": _shown(each),
            "inputs": {
                name: {_SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "djE6"}
                if name in each.secrets
                else value
                for name, value in each.inputs.items()
            },
        }
        for each in update.resources
    ]
    return json.dumps({"version": 3, "deployment": {"resources": resources, **deployment}})


def _shown(resource: Registration) -> dict[str, Any]:
    """Its outputs as `--show-secrets` has them, as far as somebody asks for one."""
    if resource.type != "random:index/randomPassword:RandomPassword":
        return {}
    plaintext = json.dumps(f"PASSWORD-{resource.name}-PASSWORD")
    return {"result": {_SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "plaintext": plaintext}}


@dataclass
class Machine:
    """What a look finds, by what it asks; every value may be changed."""

    files: dict[str, tuple[str, str, str, str]] = field(default_factory=dict[str, tuple[str, str, str, str]])
    """Path -> mode, owner by number and by name, digest."""
    containers: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    accepted: dict[str, str] = field(default_factory=dict[str, str])
    """Service -> the id of its release."""
    live: dict[str, str] = field(default_factory=dict[str, str])
    """The instance that is asked, of a service whose second one is."""
    rolled_back: dict[str, str] = field(default_factory=dict[str, str])
    """Service -> `yes`."""
    reloading: dict[str, str] = field(default_factory=dict[str, str])
    """The release that runs, of a service that reloads."""
    networks: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    units: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    disk: list[str] = field(default_factory=lambda: [paths.DATA, "/dev/sda", "/dev/sda"])
    texts: dict[str, str] = field(default_factory=dict[str, str])
    """Everything else."""
    silent: set[str] = field(default_factory=set[str])
    """What could not be asked."""
    failed: set[str] = field(default_factory=set[str])
    """What ended with an error, and said so."""

    @property
    def facts(self) -> Facts:
        return read(self.looked)

    @property
    def looked(self) -> str:
        """What `look.sh` prints there."""
        answers = {
            "files": "".join(f"{' '.join(values)} {path}\n" for path, values in self.files.items()),
            "containers": _lines(self.containers),
            "accepted": "".join(
                " ".join((service, release, self.live.get(service, service), self.rolled_back.get(service, "no")))
                + "\n"
                for service, release in self.accepted.items()
            ),
            "reloading": "".join(f"{service} {release}\n" for service, release in self.reloading.items()),
            "networks": _lines(self.networks),
            "units": "\n".join(
                "".join(f"{key}={value}\n" for key, value in {"Id": unit, **properties}.items())
                for unit, properties in self.units.items()
            ),
            "disks": "\t".join(self.disk) + "\n",
            **self.texts,
        }
        return "".join(
            f"{name} 1 \n"
            if name in self.silent
            else f"{name} {int(name in self.failed)} {b64encode(text.encode()).decode()}\n"
            for name, text in {**answers, "end": ""}.items()
        )

    def replaced(self, name: str, old: str, new: str) -> None:
        """Another text in an answer; it must have been there."""
        assert old in self.texts[name], old
        self.texts[name] = self.texts[name].replace(old, new)


def as_deployed(update: Rehearsal) -> Machine:
    return _Maker(update).machine()


@dataclass(frozen=True)
class _Maker:
    update: Rehearsal

    def machine(self) -> Machine:
        machine = Machine()
        self._files(machine)
        for service in SERVICES.values():
            container_id = hashlib.sha256(service.name.encode()).hexdigest()
            release_id = released(service).id
            machine.containers[Instance(service).container] = inspected(service, container_id, release_id)
            machine.accepted[service.name] = release_id
            if service.update is Update.RELOAD:
                machine.reloading[service.name] = release_id
        machine.networks = {NETWORK_NAME: _network(NETWORK_NAME)}
        machine.units = {
            name: {"ActiveState": "active", "UnitFileState": "enabled"}
            for name in ("docker.service", "auren-firewall.service", "auren.service", "auren-watchdog.service")
        }
        machine.units["docker.service"] |= {
            "Requires": "sysinit.target docker.socket system.slice auren-firewall.service",
            "RequiresMountsFor": f"{paths.DATA} /var/lib/docker",
        }
        for timer in ("logrotate.timer", "apt-daily.timer", "apt-daily-upgrade.timer"):
            machine.units[timer] = {"ActiveState": "active", "UnitFileState": "enabled"}
        rules = firewall.container_rules(planned(AUREN))
        machine.texts = {
            "alarms": "",
            "docker-versions": "engine 29.8.2\nclient 29.8.2\ncontainerd v2.3.6\ncompose 5.6.0\n",
            "docker-packages": "".join(f"{package} hold installed\n" for package in docker.RELEASES[0].packages),
            "rules": recorded("iptables")
            + "".join(line for line in rules.splitlines(keepends=True) if line.startswith("-A ")),
            "bridge-filtering": "1\n1\n",
            "ufw-status": recorded("ufw-status"),
            "ufw-added": recorded("ufw-added"),
            "ufw-rules": recorded("user.rules"),
            "rules6": recorded("ip6tables"),
            "ufw-rules6": recorded("user6.rules"),
            "keys": f"{ROOTS_KEYS}\t256 {fingerprint(KEY)} no comment (ED25519)\n",
            "sudo-rules": "",
            **{name: recorded(name) for name in RECORDED},
            "clock": f"{NOW:%Y-%m-%dT%H:%M:%SZ}\n",
            "space": "/ 84000000000 60000000000 10000000 9000000\n"
            f"{paths.DATA} 42000000000 30000000000 2500000 2400000\n",
            "drills": '{"ended": "2026-11-22T03:12:00Z", "ok": true}\n',
            "backups-since": "1790812800\n",  # 2026-10-01
            "fstab": f"UUID=1 / ext4 defaults 0 1\n{DEVICE} {paths.DATA} ext4 defaults,nofail,discard,noatime 0 2\n",
        }
        return machine

    def _files(self, machine: Machine) -> None:
        services = tuple(SERVICES.values())

        def put(path: str, text: str | bytes, mode: str = "644", owner: tuple[str, str] = ("0:0", "root:root")) -> None:
            machine.files[path] = (mode, *owner, _digest(text))

        put(paths.COMPOSE_FILE, compose.render(planned(AUREN)))
        for directory in (paths.SERVICES, "/root/.ssh"):
            _directory(machine, directory, "700")
        machine.files[paths.SLOTS] = ("700", "101:101", "auren-101-101:auren-101-101", "-")
        places = ("", "/website", "/sql/init")
        for directory in ("/etc/auren", "/usr/local/lib/auren", *(f"{paths.PROJECT}{place}" for place in places)):
            _directory(machine, directory, "755")
        put(paths.OPERATOR_KEYS, render.operator_keys(SETTINGS), "600")
        put("/etc/docker/daemon.json", render.docker_daemon())
        put("/etc/apt/apt.conf.d/52auren-updates", render.system_updates(SETTINGS))
        put("/etc/auren/containers.rules", firewall.container_rules(planned(AUREN)))
        put("/etc/logrotate.d/auren-nginx", render.log_rotation(planned(AUREN).by_name["nginx"]))
        put("/usr/local/lib/auren/watchdog", script("watchdog"), "755")
        for name in ("stop", "switch", "start_first", "reload"):
            put(f"/usr/local/lib/auren/{name}", script(name), "755")
        put("/usr/local/lib/auren/starts", "".join(f"{_starts(service)}\n" for service in services))
        put("/usr/local/sbin/auren-rollback", script("rollback"), "755")
        put("/usr/local/sbin/auren-releases", script("list_releases"), "755")
        for path in filter(Path.is_file, _UNITS.rglob("*")):
            put(f"{paths.UNITS}/{path.relative_to(_UNITS)}", path.read_bytes())
        for directory, place in (("website", "website/current"), ("sql/init", "sql/init")):
            for path in (ROOT / directory).rglob("*.*"):
                put(f"{paths.PROJECT}/{place}/{path.relative_to(ROOT / directory)}", path.read_bytes())
        for service in services:
            owner = (str(service.user), str(service.user))
            for volume in service.volumes:
                machine.files[paths.volume(volume)] = ("700", *owner, "-")
            for path, text in released(service).placed.items():
                put(f"{directory_of(service)}/{path}", text)
            above = f"{paths.SERVICES}/{service.name}"
            for directory in (above, f"{above}/releases", directory_of(service), f"{directory_of(service)}/files"):
                _directory(machine, directory, "755")
            _directory(machine, f"{directory_of(service)}/secrets", "500", owner)
            if service.secrets:
                _directory(machine, f"{above}/secrets", "700")
            for name, text in _secrets(service).items():
                machine.files[f"{directory_of(service)}/secrets/{name}"] = ("400", *owner, _hmac(text))


def released(service: Service) -> Release:
    return release(planned(AUREN), service.name, {name: _hmac(text)[:12] for name, text in _secrets(service).items()})


def directory_of(service: Service) -> str:
    """The directory of its release."""
    return paths.release(service.name, released(service).id)


def _directory(machine: Machine, path: str, mode: str, owner: tuple[str, str] = ("0:0", "root:root")) -> None:
    machine.files[path] = (mode, *owner, "-")


def _secrets(service: Service) -> dict[str, str]:
    return {file.name: file.template.format(secret=f"PASSWORD-{file.secret.name}-PASSWORD") for file in service.secrets}


def _hmac(text: str) -> str:
    return hmac.new(b"PASSWORD-digests-PASSWORD", text.encode(), "sha256").hexdigest()


def _digest(text: str | bytes) -> str:
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def _starts(service: Service) -> str:
    """How a rollback starts it."""
    if service.update is not Update.START_FIRST:
        program = "switch" if service.update is Update.STOP_FIRST else "reload"
        return f"{service.name} {program} {service.health.deadline}"
    words = (
        service.health.deadline,
        SETTINGS.drain_seconds,
        SETTINGS.watch_seconds,
        *capacity.lenders(SETTINGS, service.limits.memory_mb),
    )
    return " ".join((service.name, "start_first", *map(str, words)))


def _lines(inspected: dict[str, dict[str, Any]]) -> str:
    return "".join(f"{json.dumps(each)}\n" for each in inspected.values())


def recorded(name: str) -> str:
    """What a tool printed, but for the chain that the containers' rules are in."""
    lines = (Path(__file__).parent / "recorded" / name).read_text().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("-A DOCKER-USER "))


def inspected(service: Service, container_id: str, release: str) -> dict[str, Any]:
    instance = Instance(service)
    return {
        "id": container_id,
        "name": f"/{instance.container}",
        "image": service.image,
        "labels": {
            "com.docker.compose.project": compose.PROJECT_NAME,
            "com.docker.compose.service": service.name,
            compose.RELEASE_LABEL: release,
        },
        "state": {"Status": "running", "Pid": 4711, "Health": {"Status": "healthy", "FailingStreak": 0}},
        "host": {
            "Memory": service.limits.memory_mb << 20,
            "MemorySwap": service.limits.memory_mb << 20,
            "NanoCpus": round(service.limits.cpus * 10**9),
            "PidsLimit": service.limits.pids,
            "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0},
            "NetworkMode": NETWORK_NAME,
        },
        "networks": {
            NETWORK_NAME: {
                "IPAddress": str(instance.address),
                "Aliases": [instance.container, service.name],
            }
        },
    }


def _network(name: str) -> dict[str, Any]:
    return {
        "Name": name,
        "Driver": "bridge",
        "EnableIPv6": False,
        "IPAM": {"Driver": "default", "Options": {}, "Config": [{"Subnet": str(CONTAINER_SUBNET)}]},
        "Options": {
            "com.docker.network.bridge.enable_icc": "false",
            "com.docker.network.bridge.name": BRIDGE,
        },
    }
