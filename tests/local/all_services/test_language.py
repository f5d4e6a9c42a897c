"""Everything works on a machine of any language: sorting, numbers and messages are those of its scripts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from auren_infra.placement import Instance
from tests.local.all_services.drift import RIGHT, drift
from tests.local.deployment import Deployment
from tests.local.host import Host

pytestmark = pytest.mark.machine

NAMES = ("index.html", "_app-Zz9.js", "app-a1B.js", "App-A1b.js", "assets/Über-1.css", "assets/uber-2.css", "a b.js")
RENAMED = {"app-a1B.js": "app-C3d.js", "assets/uber-2.css": "assets/Uber-3.css"}
"""Their order is another one in each of the languages and in C."""


@pytest.fixture(scope="module")
def locales(first_up: str, deployment: Deployment) -> None:
    host = Host(deployment.outputs()["droplet"]["id"])
    host.run("sh", "-c", "apt-get -qq update && apt-get -qq -y --no-install-recommends install locales", seconds=300)
    for language in ("en_US", "de_DE"):
        host.run("localedef", "-i", language, "-f", "UTF-8", f"{language}.UTF-8")


@pytest.fixture(params=["en_US", "de_DE"])
def language(request: pytest.FixtureRequest, locales: None, host: Host, deployment: Deployment) -> Iterator[str]:
    """Of the machine: each login has it."""
    before = host.run("cat", "/etc/default/locale")
    host.run("sh", "-c", f"echo LANG={request.param}.UTF-8 >/etc/default/locale")
    yield request.param
    host.run("sh", "-c", "cat >/etc/default/locale", stdin=before)
    deployment.configure(website="website")
    deployment.up()


def served(host: Host) -> set[str]:
    return set(host.run("find", "-H", "/opt/auren/website/current", "-type", "f", "-printf", "%P\n").splitlines())


@pytest.mark.long(20)
def test_files_that_are_renamed_are_replaced_and_no_others(
    language: str, deployment: Deployment, host: Host, tmp_path: Path
) -> None:
    for name in NAMES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    deployment.configure(website=str(tmp_path))
    deployment.up()
    assert served(host) == set(NAMES)
    for old, new in RENAMED.items():
        (tmp_path / old).rename(tmp_path / new)
    deployment.up()
    assert served(host) == {RENAMED.get(name, name) for name in NAMES}


@pytest.mark.long(80)
def test_every_command_runs_in_every_language(language: str, deployment: Deployment, host: Host) -> None:
    commands = deployment.command_urns().values()
    deployment.up(*(word for urn in commands for word in ("--target-replace", urn)))
    assert drift() == (0, RIGHT)
    host.wait_until_healthy([Instance(service).container for service in deployment.services()], 60)
