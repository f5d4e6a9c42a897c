"""A droplet in the old manner: made by hand, set up by a script, with Docker Compose, its data on the root disk."""

import contextlib
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sandbox import layout
from tests.local import cloud
from tests.local.agent import Agent, ssh_agent
from tests.local.host import Host, wait_for

_SCRIPT = Path(__file__).parent / "scripts" / "set_up_old.sh"
_PLACE = "/root/auren"
USER, DATABASE = "auren_user", "auren_production"
_HEALTHY = {
    "postgres": f"pg_isready -q -h 127.0.0.1 -U {USER}",
    "redis": 'redis-cli --no-auth-warning -a "$$REDIS_PASSWORD" ping | grep -q PONG',
    "kafka": "kafka-broker-api-versions --bootstrap-server 127.0.0.1:9092 >/dev/null 2>&1",
}


class OldHost(Host):
    """Of each service it has one container, since nobody there knows of slots."""

    def live(self, service: str) -> str:
        return f"auren-{service}"


@dataclass(frozen=True)
class OldDroplet:
    host: OldHost
    address: str
    agent: Agent
    programs: Path
    """A directory with the operator's own `ssh`, which knows the machine."""

    @property
    def login(self) -> str:
        return f"root@{self.address}"

    @property
    def variables(self) -> dict[str, str]:
        """What the operator has in the environment, beside the clouds' tokens."""
        return {**self.agent.variables, "PATH": f"{self.programs}:{layout.STATE / 'bin'}:{os.environ['PATH']}"}

    def running(self) -> set[str]:
        return set(self.host.run("docker", "ps", "--format", "{{.Names}}").split())


def compose(images: dict[str, str]) -> dict[str, Any]:
    """As the scripts of the old manner have it: passwords in the environment, named volumes, one bind mount."""

    def service(name: str, **more: Any) -> dict[str, Any]:
        found = {"image": images[name], "container_name": f"auren-{name}", "restart": "unless-stopped", **more}
        if name in _HEALTHY:
            check = {"test": ["CMD-SHELL", _HEALTHY[name]], "interval": "3s", "timeout": "20s", "retries": 40}
            found["healthcheck"] = check
        return found

    heap = {"KAFKA_HEAP_OPTS": "-Xmx256m", "EXTRA_ARGS": "", "LOG_DIR": "/tmp"}
    return {
        "name": "auren",
        "services": {
            "postgres": service(
                "postgres",
                environment={"POSTGRES_USER": USER, "POSTGRES_DB": DATABASE, "POSTGRES_PASSWORD": "old-postgres"},
                volumes=["postgres_data:/var/lib/postgresql/data", "./sql:/docker-entrypoint-initdb.d:ro"],
            ),
            "redis": service(
                "redis",
                command=["redis-server", "--requirepass", "old-redis", "--save", "3600", "1"],
                environment={"REDIS_PASSWORD": "old-redis"},
                volumes=["redis-data:/data"],
            ),
            "chromadb": service("chromadb", volumes=["chromadb-data:/data"]),
            "zookeeper": service(
                "zookeeper",
                command=["zookeeper-server-start", "/etc/old/zookeeper.properties"],
                environment=heap,
                volumes=["zookeeper:/var/lib/zookeeper/data", "./etc:/etc/old:ro"],
            ),
            "kafka": service(
                "kafka",
                command=["kafka-server-start", "/etc/old/kafka.properties"],
                environment=heap,
                volumes=["./kafka:/var/lib/kafka/data", "./etc:/etc/old:ro"],
                depends_on=["zookeeper"],
            ),
            "api": service(
                "api",
                environment={
                    "POSTGRES_HOST": "postgres",
                    "POSTGRES_DB": DATABASE,
                    "POSTGRES_USER": USER,
                    "POSTGRES_PASSWORD_FILE": "/run/secrets/postgres_password",
                    "REDIS_HOST": "redis",
                    "REDIS_PASSWORD_FILE": "/run/secrets/redis_password",
                    "CHROMA_HOST": "chromadb",
                    "CHROMA_PORT": "8000",
                    "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
                },
                volumes=["./secrets:/run/secrets:ro"],
                depends_on={"postgres": {"condition": "service_healthy"}, "kafka": {"condition": "service_healthy"}},
            ),
            "nginx": service(
                "nginx",
                ports=["80:80"],
                volumes=["./etc/nginx.conf:/etc/nginx/nginx.conf:ro", "nginx-logs:/var/log/nginx"],
                depends_on=["api"],
            ),
        },
        "volumes": dict.fromkeys(["postgres_data", "redis-data", "chromadb-data", "zookeeper", "nginx-logs"]),
    }


@contextlib.contextmanager
def old_droplet(images: dict[str, str], sql: Path, folder: Path) -> Iterator[OldDroplet]:
    """It serves when this returns. `images` are those of its services, by name; `sql` has its database's scripts."""
    with ssh_agent(folder) as agent, cloud.droplet("old-auren", agent.public_key) as (droplet, address):
        host = OldHost(droplet)
        wait_for(lambda: "running" in host.run("systemctl", "is-system-running", check=False), 120)
        host.run("mkdir", "-p", f"{_PLACE}/sql")
        host.run("sh", "-c", f"cat >{_PLACE}/docker-compose.yml", stdin=yaml.safe_dump(compose(images)))
        for script in sql.iterdir():
            host.run("sh", "-c", f"cat >{_PLACE}/sql/{shlex.quote(script.name)}", stdin=script.read_text())
        host.run("bash", "-s", _PLACE, stdin=_SCRIPT.read_text(), seconds=600)
        known = host.run("cat", "/etc/ssh/ssh_host_ed25519_key.pub")
        (folder / "known").write_text(f"{address} {known}")
        (folder / "config").write_text(f"Host {address}\n    UserKnownHostsFile {folder}/known\n")
        programs = folder / "bin"
        programs.mkdir()
        ssh = programs / "ssh"
        ssh.write_text(
            f'#!/bin/sh\ncase " $* " in *" -F "*) exec /usr/bin/ssh "$@" ;; esac\n'
            f'exec /usr/bin/ssh -F {shlex.quote(str(folder / "config"))} "$@"\n'
        )
        ssh.chmod(0o755)
        yield OldDroplet(host, address, agent, programs)
