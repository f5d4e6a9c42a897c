"""A droplet as its operator has it: made with a known host key, reached by SSH with that key pinned."""

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from sandbox import layout
from sandbox.droplets.hypervisor import DropletSpec

VPC = "asbx-test-vpc"
Boot = Callable[..., "Droplet"]
"""Boots the droplet of a number, with these entries in its user-data."""


def key_pair(path: Path) -> tuple[str, str]:
    """A new ed25519 key's private and public half."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)], check=True)
    return path.read_text(), path.with_suffix(".pub").read_text().strip()


@dataclass(frozen=True)
class Droplet:
    spec: DropletSpec
    directory: Path
    """Where the login key and the known host key are."""

    @property
    def id(self) -> int:
        return self.spec.id

    @property
    def address(self) -> IPv4Address:
        return self.spec.public_ipv4

    def ssh_command(self, command: str) -> list[str]:
        return [
            "ssh",
            *("-o", "BatchMode=yes", "-o", "ConnectTimeout=3", "-o", "LogLevel=ERROR", "-o", "IdentityAgent=none"),
            *("-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={self.directory / 'known_hosts'}"),
            *("-F", "none", "-i", str(self.directory / "login"), f"root@{self.address}", command),
        ]

    def ssh(self, command: str, *, timeout: float = 60, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        arguments = self.ssh_command(command)
        return subprocess.run(
            arguments, input=stdin or "", capture_output=True, text=True, timeout=timeout, check=False
        )

    def run(self, command: str, *, timeout: float = 60, stdin: str | None = None) -> str:
        """What it prints; it must succeed."""
        done = self.ssh(command, timeout=timeout, stdin=stdin)
        assert done.returncode == 0, f"{command!r} ended with {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def wait(self, seconds: float = 30) -> None:
        """Until it has booted: SSH answers, and cloud-init is done."""
        deadline = time.monotonic() + seconds
        while (done := self.ssh("true")).returncode != 0:
            assert time.monotonic() < deadline, f"no SSH within {seconds} s: {done.stderr}"
            time.sleep(0.3)
        self.run("cloud-init status --wait")

    def boot_id(self) -> str:
        """When PID 1 started, since containers share the kernel's boot id; empty while it is off."""
        return self.ssh("cut -d' ' -f22 /proc/1/stat").stdout.strip()


def plan(number: int, directory: Path, *, user_data: dict[str, object] | None = None) -> Droplet:
    """A droplet that is not there yet."""
    name = f"web-{number}"
    directory.mkdir(parents=True)
    private, public = key_pair(directory / "host")
    _, login = key_pair(directory / "login")
    address = layout.DROPLET_RANGE[70 + number]
    (directory / "known_hosts").write_text(f"{address} {public}\n")
    cloud_config = {"ssh_keys": {"ed25519_private": private, "ed25519_public": public}, **(user_data or {})}
    spec = DropletSpec(
        id=990000 + number,
        name=name,
        image="ubuntu-22-04-x64",
        memory_mb=2048,
        vcpus=2,
        disk_gb=10,
        public_ipv4=address,
        private_ipv4=IPv4Address(f"10.116.0.{10 + number}"),
        vpc_id=VPC,
        ssh_keys=(login,),
        user_data=f"#cloud-config\n{json.dumps(cloud_config)}\n",
    )
    return Droplet(spec, directory)
