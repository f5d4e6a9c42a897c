"""A stack that is provisioned by the real engine and these plugins in the simulated clouds, on remembered machines."""

from pathlib import Path

from sandbox.clouds.app import Limits
from tests.sandbox.clouds.machines import FakeHypervisor
from tests.sandbox.clouds.running import Clouds
from tests.sandbox.engine.project import Project


def running_clouds(folder: Path) -> tuple[Clouds, FakeHypervisor]:
    machines = FakeHypervisor()
    # Nobody asks as much in a minute as tests, whose own client does not wait.
    clouds = Clouds(folder, machines, Limits(digitalocean_minute=10_000))
    clouds.start()
    return clouds, machines


def project_in(clouds: Clouds, folder: Path, **environment: str) -> Project:
    settings = {
        "DIGITALOCEAN_API_URL": clouds.url,
        "DIGITALOCEAN_TOKEN": clouds.tokens.digitalocean,
        "DIGITALOCEAN_HTTP_RETRY_WAIT_MIN": "0.1",
        "CLOUDFLARE_BASE_URL": f"{clouds.url}/client/v4",
        "CLOUDFLARE_API_TOKEN": clouds.tokens.cloudflare,
    }
    return Project.create(folder, **(settings | environment))
