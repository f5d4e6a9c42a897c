"""A dashboard that comes out of an image: visitors see each release whole, and none of its files is in the state."""

import io
import re
import tarfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256

import docker
import httpx
import pytest

from sandbox import registry
from sandbox.images.recipe import REPOSITORY
from tests.local.all_services.drift import RIGHT, drift
from tests.local.deployment import DOMAIN, Deployment, UpdateFailedError, called
from tests.local.host import Host

pytestmark = pytest.mark.machine

WEBSITE = "/opt/auren/website"
INDEX = f"{WEBSITE}/current/index.html"
NOBODY = ("OUTPUT", "!", "--out-interface", "lo", "--match", "conntrack", "--ctstate", "NEW", "--jump", "REJECT")
"""The machine reaches no registry."""


@pytest.fixture(autouse=True)
def of_the_directory_again(deployment: Deployment, host: Host, containers: list[str]) -> Iterator[None]:
    images = deployment.config["auren:images"]
    yield
    deployment.configure(images=images)
    deployment.up()
    host.wait_until_healthy(containers, 120)
    assert drift() == (0, RIGHT)


def _image(**files: str) -> str:
    """The reference of an image with these files alone, which the droplets' registry has."""
    tag = sha256(repr(sorted(files.items())).encode()).hexdigest()[:12]
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"website/{name}")
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    local = f"{REPOSITORY}/dashboard:{tag}"
    with closing(docker.from_env()) as client:
        client.api.import_image_from_data(archive.getvalue(), repository=f"{REPOSITORY}/dashboard", tag=tag)
        try:
            return registry.push_images({"dashboard": local})["dashboard"]
        finally:
            client.images.remove(local)


def _ask(deployment: Deployment, path: str) -> httpx.Response:
    return httpx.get(f"http://{deployment.outputs()['address']}{path}", headers={"Host": DOMAIN}, timeout=10)


def _page(version: str) -> dict[str, str]:
    """A dashboard's files, of which two releases have the same length."""
    index = f"<title>Dashboard {version}</title>\n"
    return {
        "index.html": index,
        f"assets/app-{version}a2b3c4d.js": f"// of the release {version}\n",
        ".env": f"nobody reads {version}\n",
    }


@pytest.mark.long(80)
def test_each_release_is_served_whole_and_the_state_has_none_of_its_files(deployment: Deployment, host: Host) -> None:
    nginx = host.started_at("auren-nginx")
    first, second = (_image(**_page(version)) for version in "12")
    deployment.use_image("website", first)
    assert set(deployment.planned().values()) == {"update"}
    deployment.up()
    page = _ask(deployment, "/")
    assert page.text == _page("1")["index.html"]
    deployment.use_image("website", second)
    deployment.up()
    # Both files came with the same time and length, and a browser asks by these.
    again = httpx.get(
        f"http://{deployment.outputs()['address']}/",
        headers={"Host": DOMAIN, "If-None-Match": page.headers["etag"]},
        timeout=10,
    )
    assert (again.status_code, again.text) == (200, _page("2")["index.html"])
    for version in "12":
        assert _ask(deployment, f"/assets/app-{version}a2b3c4d.js").text == f"// of the release {version}\n"
    assert _ask(deployment, "/.env").status_code == 404
    assert host.run("find", f"{WEBSITE}/", "-name", ".env") == ""
    assert host.started_at("auren-nginx") == nginx

    state = deployment.pulumi("stack", "export", "--show-secrets")
    assert second in state
    for text in _page("2").values():
        assert text.strip() not in state
        assert b64encode(text.encode()).decode() not in state
    assert drift() == (0, RIGHT)
    assert re.search(
        rf"^20\S+ +website +\S+ +accepted .*{second}$", called("releases", timeout=60).stdout, re.MULTILINE
    )


@pytest.mark.long
def test_a_page_that_was_edited_is_found_and_put_right_without_the_registry(deployment: Deployment, host: Host) -> None:
    deployment.use_image("website", _image(**_page("3")))
    deployment.up()
    added = f"{WEBSITE}/current/assets/by-hand.js"
    host.run("sh", "-c", f"echo by hand >>{INDEX}; echo by hand >{added}; rm {WEBSITE}/current/assets/app-*")
    status, told = drift()
    assert status == 1
    assert f"{INDEX} has another content than was deployed" in told
    assert f"{added} was not deployed" in told
    assert f"{WEBSITE}/current/assets/app-3a2b3c4d.js is gone" in told
    website = deployment.command_urns()["website"]
    assert f"--target-replace '{website}'" in told
    host.run("iptables", "--insert", *NOBODY)
    try:
        deployment.up("--target-replace", website)
    finally:
        host.run("iptables", "--delete", *NOBODY)
    assert drift() == (0, RIGHT)
    assert _ask(deployment, "/").text == _page("3")["index.html"]


@pytest.mark.long
def test_an_image_without_a_first_page_fails_each_update_and_the_page_before_is_served_on(
    deployment: Deployment, host: Host
) -> None:
    good, bad = _image(**_page("4")), _image(**{"start.html": "<p>\n"})
    deployment.use_image("website", good)
    deployment.up()
    deployment.use_image("website", bad)
    for _ in range(2):
        with pytest.raises(UpdateFailedError) as failed:
            deployment.up()
        assert f"{bad}: Its directory /website has no index.html." in str(failed.value)
        assert "What was published before is still served." in str(failed.value)
        assert _ask(deployment, "/").text == _page("4")["index.html"]
    assert "auren-image-of-website" not in host.containers()
    deployment.use_image("website", good)
    deployment.up()
    assert drift() == (0, RIGHT)
    assert _ask(deployment, "/").text == _page("4")["index.html"]
