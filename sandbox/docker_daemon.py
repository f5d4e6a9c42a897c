"""The Docker daemon that runs the droplets, their networks and the image builds.

A daemon that runs already is used as it is. Where none does, one of our own is started beside anything else: own
socket, data, bridge and containerd namespace. Which one it was is written down, because the droplets live in it: after
a reboot another daemon may answer first, and must not be taken for it.
"""

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from ipaddress import ip_interface
from pathlib import Path
from typing import Any

from sandbox import layout
from sandbox.processes import BackgroundProcess

RECORD = layout.STATE / "docker-host"
SYSTEM_SOCKET = "unix:///var/run/docker.sock"
READY_SECONDS = 90
LAUNCHES = 2
"""Tries to start. A daemon that starts while the containerd of a killed one still ends fails; the next succeeds."""


class DockerUnavailableError(RuntimeError):
    """No Docker daemon can be used; the text says what to do."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def information(host: str) -> dict[str, Any] | None:
    """The information of the daemon at a `unix://` address; None when none answers."""
    connection = _UnixConnection(host.removeprefix("unix://"))
    try:
        connection.request("GET", "/info")
        response = connection.getresponse()
        return json.loads(response.read()) if response.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def faults_of(host: str) -> list[str]:
    """Why the daemon at `host` cannot run droplets."""
    if not host.startswith("unix://"):
        return [
            f"DOCKER_HOST is {host}: the droplets' network must be on this machine. Unset it, or name a unix socket."
        ]
    found = information(host)
    if found is None:
        return [f"No Docker daemon answers at {host}. Start it, or unset DOCKER_HOST to have one started here."]
    faults = []
    if "name=rootless" in found.get("SecurityOptions", []):
        faults.append(f"The Docker daemon at {host} is rootless: it cannot give a droplet devices and addresses.")
    if found.get("OperatingSystem") == "Docker Desktop":
        faults.append(f"The Docker daemon at {host} is Docker Desktop, whose containers are on another machine.")
    return faults


@dataclass(frozen=True)
class OwnDaemon:
    """The daemon that is started when no other runs."""

    socket: Path = layout.DOCKER_SOCKET
    data: Path = layout.CACHE / "docker"
    """Below the cache, so that built images are still there after `make down`."""
    run: Path = layout.RUN / "docker"
    pidfile: Path = layout.RUN / "docker.pid"
    log: Path = layout.STATE / "logs" / "dockerd.log"
    before: Path = layout.STATE / "docker-before.json"
    """The settings of this machine before the daemon changed them."""
    bridge: str = "asbx-docker"
    bridge_address: str = layout.DOCKER_BRIDGE_ADDRESS
    options: tuple[str, ...] = ("--live-restore",)

    @property
    def host(self) -> str:
        return f"unix://{self.socket}"

    @property
    def process(self) -> BackgroundProcess:
        return BackgroundProcess("Docker daemon", self.pidfile, (self.host,), self.log)

    def start(self) -> None:
        """Start it unless it runs, and return when it answers."""
        deadline = time.monotonic() + READY_SECONDS
        launches = 0
        while information(self.host) is None:
            alive = self.process.pid() is not None
            if time.monotonic() > deadline or (launches == LAUNCHES and not alive):
                fate = f"did not answer within {READY_SECONDS} s" if alive else "ended at once"
                lines = "\n".join(self.process.last_lines())
                raise DockerUnavailableError(f"The Docker daemon {fate} (log: {self.log}):\n{lines}")
            if not alive:
                self._launch()
                launches += 1
            time.sleep(0.2)

    def _launch(self) -> None:
        self._remember_settings()
        self._make_bridge()
        for directory in (self.data, self.run):
            directory.mkdir(parents=True, exist_ok=True)
        self.process.start(
            (
                "dockerd",
                *("--host", self.host, "--data-root", str(self.data), "--exec-root", str(self.run)),
                # None of its own, which it would refuse to start with after a crash.
                *("--pidfile", ""),
                *("--bridge", self.bridge),
                # A containerd of the system may be used; nothing in it must be mistaken for ours.
                *("--containerd-namespace", layout.NAME),
                *("--containerd-plugins-namespace", f"{layout.NAME}-plugins"),
                *self.options,
            )
        )

    def stop(self) -> bool:
        """Stop it; containers that still run keep running and are found again at the next start."""
        return self.process.stop(seconds=60)

    def remove(self) -> None:
        """Stop it and remove its changes of this machine. The images in its data directory stay."""
        self.stop()
        self._unmount_leftovers()
        shutil.rmtree(self.run, ignore_errors=True)
        self.socket.unlink(missing_ok=True)
        subprocess.run(["ip", "link", "delete", self.bridge], capture_output=True, check=False, timeout=30)
        self._remove_rules()
        self._restore_settings()

    def _make_bridge(self) -> None:
        if not Path("/sys/class/net", self.bridge).exists():
            _run("ip", "link", "add", self.bridge, "type", "bridge")
        _run("ip", "address", "replace", self.bridge_address, "dev", self.bridge)
        _run("ip", "link", "set", self.bridge, "up")

    def _unmount_leftovers(self) -> None:
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for mount in sorted(mounts, reverse=True):
            if Path(mount).is_relative_to(self.run) or Path(mount).is_relative_to(self.data):
                subprocess.run(["umount", "--lazy", mount], capture_output=True, check=False, timeout=30)

    def _remove_rules(self) -> None:
        """Remove the chains that dockerd leaves behind. All daemons use the same names: while another one runs on this
        machine, only the rules of our own bridge are removed."""
        other_daemon = _any_daemon_runs()
        network = str(ip_interface(self.bridge_address).network)
        for table in ("nat", "filter"):
            rules = _iptables(table, "--list-rules").splitlines()
            for rule in (line.split() for line in rules if line.startswith("-A ")):
                ours = self.bridge in rule or network in rule
                dockers = not other_daemon and any(word.startswith("DOCKER") for word in rule)
                if ours or dockers:
                    _iptables(table, "-D", *rule[1:])
            chains = [line.split()[1] for line in rules if line.startswith("-N DOCKER")]
            for chain in [] if other_daemon else chains:
                _iptables(table, "-F", chain)
                _iptables(table, "-X", chain)

    def _remember_settings(self) -> None:
        if self.before.exists():
            return
        policy = next((line.split()[2] for line in _iptables("filter", "-S", "FORWARD").splitlines()), "ACCEPT")
        self.before.parent.mkdir(parents=True, exist_ok=True)
        self.before.write_text(json.dumps({"FORWARD": policy, "ip_forward": _IP_FORWARD.read_text().strip()}))

    def _restore_settings(self) -> None:
        """Restore the forwarding settings, unless another daemon needs them."""
        if not self.before.exists() or _any_daemon_runs():
            return
        before = json.loads(self.before.read_text())
        _iptables("filter", "-P", "FORWARD", before["FORWARD"])
        with contextlib.suppress(OSError):
            _IP_FORWARD.write_text(before["ip_forward"])
        self.before.unlink()


_IP_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")


def chosen() -> str | None:
    """The address of the daemon that this sandbox lives in, or of the one that it would use; None: one of its own."""
    own = OwnDaemon()
    if RECORD.exists():
        return RECORD.read_text().strip()
    if own.process.pid() is not None:
        return own.host
    if configured := os.environ.get("DOCKER_HOST"):
        return None if configured == own.host else configured
    return SYSTEM_SOCKET if information(SYSTEM_SOCKET) is not None else None


def ensure() -> str:
    """The address of a daemon that answers. It is started if needed, and `DOCKER_HOST` is set to it."""
    own = OwnDaemon()
    host = chosen() or own.host
    if host == own.host:
        own.start()
    elif faults := faults_of(host):
        raise DockerUnavailableError("\n".join(faults))
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    RECORD.write_text(f"{host}\n")
    os.environ["DOCKER_HOST"] = host
    return host


def _any_daemon_runs() -> bool:
    """Whether any dockerd runs on this machine."""
    return any(_is_daemon(process) for process in Path("/proc").glob("[0-9]*"))


def _is_daemon(process: Path) -> bool:
    """Whether it runs. An ended process without a wait still has its name, so the state is checked."""
    try:
        name, _, rest = (process / "stat").read_text().partition("(")[2].rpartition(") ")
    except OSError:
        return False
    return name == "dockerd" and not rest.startswith("Z")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode:
        raise DockerUnavailableError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")


def _iptables(table: str, *arguments: str) -> str:
    done = subprocess.run(
        ["iptables", "--wait", "10", "--table", table, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return done.stdout if done.returncode == 0 else ""
