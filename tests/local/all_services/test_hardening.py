"""What a container may not do: as Docker was told, and as the kernel has it for the process that runs."""

from typing import Any

import pytest

from auren_infra.files import paths
from auren_infra.placement import Instance
from auren_infra.services.model import NETWORK_NAME, Service
from tests.local.all_services.test_all_nine import NINE
from tests.local.host import Host

pytestmark = pytest.mark.machine

MEGABYTE = 1 << 20
SECOND = 10**9


@pytest.fixture(scope="module")
def inspected(outputs: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return Host(outputs["droplet"]["id"]).containers()


@pytest.fixture(params=NINE)
def service(request: pytest.FixtureRequest, services: dict[str, Service]) -> Service:
    return services[request.param]


@pytest.fixture
def container(service: Service, inspected: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return inspected[Instance(service).container]


def test_its_privileges_are_none(service: Service, container: dict[str, Any]) -> None:
    host = container["HostConfig"]
    user, _, group = container["Config"]["User"].partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert container["Config"]["User"] == str(service.user)
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["Privileged"] is False
    assert not host["Devices"]
    assert not host["DeviceRequests"]
    assert not host["GroupAdd"]
    assert list(container["NetworkSettings"]["Networks"]) == [NETWORK_NAME]
    namespaces = {key: host[key] for key in ("PidMode", "IpcMode", "UTSMode", "UsernsMode")}
    assert namespaces == {
        "PidMode": "",
        "IpcMode": "private",
        "UTSMode": "",
        "UsernsMode": "",
    }


def test_it_writes_only_where_it_is_said_to(service: Service, container: dict[str, Any]) -> None:
    assert container["HostConfig"]["ReadonlyRootfs"] is True
    writable = {mount["Destination"]: mount["Name"] for mount in container["Mounts"] if mount["RW"]}
    assert writable == {volume.target: volume.name for volume in service.volumes}
    assert "docker.sock" not in str(container["Mounts"])
    tmpfs = {
        target: set(options.split(",")) for target, options in (container["HostConfig"].get("Tmpfs") or {}).items()
    }
    assert tmpfs == {
        each.target: {
            f"size={each.megabytes}m",
            f"uid={service.user.uid}",
            f"gid={service.user.gid}",
            "mode=0700",
            "exec" if each.executable else "noexec",
        }
        for each in service.tmpfs
    }


def test_its_share_of_the_machine_is_bounded(service: Service, container: dict[str, Any]) -> None:
    host, limits = container["HostConfig"], service.limits
    assert host["Memory"] == host["MemorySwap"] == limits.memory_mb * MEGABYTE
    assert host["NanoCpus"] == round(limits.cpus * 10**9)
    assert host["PidsLimit"] == limits.pids
    assert host["ShmSize"] == limits.shared_memory_mb * MEGABYTE
    ulimits = {each["Name"]: (each["Soft"], each["Hard"]) for each in host["Ulimits"]}
    assert ulimits == {"nofile": (limits.open_files, limits.open_files), "core": (0, 0)}
    assert host["LogConfig"]["Type"] == "json-file"
    assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "5"}


def test_it_is_watched_and_ends_cleanly(service: Service, container: dict[str, Any]) -> None:
    config, check = container["Config"], container["Config"]["Healthcheck"]
    assert check["Test"] == ["CMD", *service.health.command]
    assert check["StartPeriod"] == service.health.start_period * SECOND > 0
    assert check["Interval"] == service.health.interval * SECOND
    assert check["Timeout"] == service.health.timeout * SECOND
    assert check["Retries"] == service.health.retries
    assert container["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert config["StopSignal"] == service.stop_signal
    assert config["StopTimeout"] == service.stop_grace
    assert "TZ=UTC" in config["Env"]


def test_it_publishes_its_own_ports_and_no_store_any(service: Service, container: dict[str, Any]) -> None:
    bindings = container["HostConfig"]["PortBindings"] or {}
    published = {port: [each["HostPort"] for each in places] for port, places in bindings.items()}
    assert published == {f"{port}/tcp": [str(port)] for port in service.published}
    allowed = {"nginx": (80, 443), "kafka-ui": (8081,)}
    assert service.published == allowed.get(service.name, ())


def test_no_secret_is_in_what_docker_tells(host: Host, service: Service, container: dict[str, Any]) -> None:
    for secret in ("postgres_password", "redis_password"):
        assert host.run("cat", f"{paths.release('api', paths.CURRENT)}/secrets/{secret}") not in str(container)


def test_the_kernel_has_it_so(host: Host, service: Service, container: dict[str, Any]) -> None:
    process = host.run("docker", "inspect", "--format", "{{.State.Pid}}", Instance(service).container).strip()
    lines = host.run("cat", f"/proc/{process}/status").splitlines()
    status = {key: value.split() for key, _, value in (line.partition(":") for line in lines)}
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[capabilities][0], 16) == 0, capabilities
    assert status["NoNewPrivs"] == ["1"]
    assert status["Seccomp"] == ["2"]
    assert set(status["Uid"]) == {str(service.user.uid)}
    assert set(status["Gid"]) == {str(service.user.gid)}
    root = next(line for line in host.run("cat", f"/proc/{process}/mountinfo").splitlines() if line.split()[4] == "/")
    assert "ro" in root.split()[5].split(",")
