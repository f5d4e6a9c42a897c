"""The rendered nginx.conf in the real nginx, locked down as the catalogue says, with an API that only pretends."""

import os
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from docker.models.networks import Network
from docker.types import Ulimit

from auren_infra.blueprint import describe
from auren_infra.files.releases import release
from auren_infra.services.model import FILES, LIVE_FILES, Preflight
from tests.sandbox.images.containers import Run, eventually, says
from tests.sandbox.images.nginx_configuration import upstream
from tests.sandbox.images.nginx_configuration.web import API, Serve, Web
from tests.unit.configuration import planned, settings

CALM = {"apiRequestsPerSecond": "100000", "apiRequestBurst": "10000"}
"""The largest limits that there are, which only a test of the limits lowers."""


@pytest.fixture
def website(tmp_path: Path) -> Path:
    folder = tmp_path / "website/current"
    for directory in ("assets", ".git", ".well-known/acme-challenge", "assets/.well-known"):
        (folder / directory).mkdir(parents=True)
    (folder / ".git/config").write_text("secret")
    (folder / "assets/.well-known/security.txt").write_text("secret")
    (folder / ".well-known/.htpasswd").write_text("secret")
    (folder / ".well-known/security.txt").write_text("Contact: mailto:security@aupex.ai\n")
    (folder / ".well-known/apple-app-site-association").write_text("{}")
    (folder / ".well-known/acme-challenge/token").write_text("token.thumbprint")
    (folder / "index.html").write_text("<title>AUREN</title>")
    (folder / "status.js").write_text("let a;\n" * 1000)
    (folder / "assets/index-BkT3f9aX.js").write_text("let b;\n")
    (folder / "assets/module.mjs").write_text("export let c;\n")
    return folder


@pytest.fixture
def serve(run: Run, network: Network, website: Path, tmp_path: Path) -> Serve:
    """`serve(**changes)`: nginx with the file that is rendered for this configuration.

    `streaming` is the address of another API than the one that is an nginx as well. `instead` replaces texts of the
    file, to have what takes minutes within seconds.
    """

    def start(*, streaming: str = "", instead: dict[str, str] | None = None, **changes: str) -> Web:
        tmp_path.chmod(0o755)
        (tmp_path / "api.conf").write_text(API)
        api = run(
            "nginx",
            alias="api",
            user="101:101",
            tmpfs={"/tmp": "", "/var/cache/nginx": "uid=101"},
            volumes=[f"{tmp_path}/api.conf:/etc/nginx/nginx.conf:ro"],
        )
        address = api.attrs["NetworkSettings"]["Networks"][network.name]["IPAddress"]
        chosen = settings(**{**CALM, **changes})
        services = describe(chosen).services
        (service,) = [service for service in services if service.name == "nginx"]
        text = release(planned(describe(chosen)), "nginx").files["nginx.conf"]
        assert text.count("server 172.18.0.11:8080 ") == 2, "of both slots"
        text = text.replace("172.18.0.11:8080", streaming or f"{address}:8080")
        text = text.replace("172.18.0.111:8080", "127.0.0.1:1")  # nobody is in the other slot
        for old, new in (instead or {}).items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (tmp_path / "nginx.conf").write_text(text)
        logs = tmp_path / "logs"
        logs.mkdir()
        os.chown(logs, service.user.uid, service.user.gid)
        nginx = run(
            "nginx",
            command=list(service.command),
            user=str(service.user),
            tmpfs={
                tmpfs.target: f"size={tmpfs.megabytes}m,uid={service.user.uid},gid={service.user.gid},mode=0700,noexec"
                for tmpfs in service.tmpfs
            },
            volumes=[
                *(f"{tmp_path}/nginx.conf:{directory}/nginx.conf:ro" for directory in (LIVE_FILES, FILES)),
                f"{website.parent}:/usr/share/nginx/html:ro",
                f"{logs}:/var/log/nginx",
            ],
            mem_limit=f"{service.limits.memory_mb}m",
            pids_limit=service.limits.pids,
            ulimits=[Ulimit(name="nofile", soft=service.limits.open_files, hard=service.limits.open_files)],
        )
        eventually(lambda: says(nginx, *service.health.command)[0] == 0, seconds=15)
        preflight = service.task(Preflight)
        assert preflight
        assert says(nginx, *preflight.command) == (0, ""), "the preflight has something to say"
        nginx.reload()
        return Web(nginx, api, logs, nginx.attrs["NetworkSettings"]["Networks"][network.name]["IPAddress"])

    return start


@pytest.fixture
def gateway(network: Network) -> str:
    """This machine's address in the containers' network."""
    network.reload()
    (pool,) = network.attrs["IPAM"]["Config"]
    return pool.get("Gateway") or str(next(ip_network(pool["Subnet"]).hosts()))


@pytest.fixture
def streaming(gateway: str) -> Iterator[str]:
    """The address of an API that streams."""
    with upstream.running(gateway) as address:
        yield address
