"""Changes of nginx's own settings, which visitors see nothing of: it reads them while it runs."""

import time
from collections.abc import Callable

import httpx
import pytest

from auren_infra.files import paths
from tests.local.all_services.drift import RIGHT, drift
from tests.local.all_services.visitors import Visitors
from tests.local.deployment import DOMAIN, Deployment, UpdateFailedError
from tests.local.host import Host

pytestmark = [pytest.mark.machine, pytest.mark.usefixtures("right_afterwards")]

NGINX = "auren-nginx"
SERVICE = f"{paths.SERVICES}/nginx"
TEMPLATES = "auren_infra/files/templates"


def _runs(host: Host) -> tuple[str, str]:
    """Which container, and since when."""
    return host.container_id(NGINX), host.started_at(NGINX)


def _link(host: Host, name: str) -> str:
    return host.run("readlink", f"{SERVICE}/{name}").strip().rpartition("/")[2]


def _has_read(host: Host) -> str:
    """The release, as nginx says."""
    return host.run("docker", "exec", NGINX, "curl", "-fsS", "http://127.0.0.1:8079/").strip()


def test_another_limit_is_read_while_nginx_runs_and_no_request_fails(deployment: Deployment, host: Host) -> None:
    address, before = deployment.outputs()["address"], _runs(host)
    url = f"http://{address}/api/biometrics/live?user_id=listener"
    deployment.configure(apiRequestsPerSecond=50)
    try:
        with httpx.stream("GET", url, timeout=120) as stream, Visitors(address, DOMAIN) as visitors:
            assert stream.status_code == 200
            deployment.up()
        assert visitors.failed() == {}, visitors.answers
        assert sum(visitors.answers.values()) > 50
        assert _runs(host) == before
        assert _has_read(host) == _link(host, "current") == _link(host, "live")
        assert drift() == (0, RIGHT)
        assert "rate=50r/s" in host.run(
            "docker", "exec", NGINX, "nginx", "-T", "-c", "/etc/auren/live/files/nginx.conf"
        )
    finally:
        deployment.configure(apiRequestsPerSecond=None)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("pcre_jit on;\n", "no_such_line on;\n", "nginx does not accept its new configuration. What ran before still"),
        (
            "root /usr/share/nginx/html/current;\n",
            "root /nowhere;\n",
            f"runs again. {NGINX} was not restarted.",
        ),
    ],
    ids=["refused", "not healthy"],
)
@pytest.mark.long(30)
def test_settings_that_are_wrong_fail_the_update_and_no_request(
    changed: Callable[[str, str, str], Deployment], host: Host, old: str, new: str, said: str
) -> None:
    broken, before, release = changed(f"{TEMPLATES}/nginx.conf.j2", old, new), _runs(host), _has_read(host)
    with Visitors(broken.outputs()["address"], DOMAIN) as visitors, pytest.raises(UpdateFailedError) as failed:
        broken.up()
    assert said in str(failed.value)
    assert visitors.failed() == {}, visitors.answers
    assert _runs(host) == before
    assert _has_read(host) == _link(host, "current") == _link(host, "live") == release


@pytest.mark.long
def test_what_nginx_cannot_change_while_it_runs_takes_a_new_container(
    changed: Callable[[str, str, str], Deployment], host: Host
) -> None:
    """As the key of a zone."""
    before = host.container_id(NGINX)
    zone = "limit_req_zone ${} zone=requests:8m"
    other = changed(f"{TEMPLATES}/nginx/visitors.conf.j2", zone.format("client"), zone.format("binary_remote_addr"))
    other.up()
    assert host.container_id(NGINX) != before
    assert _has_read(host) == _link(host, "current") == _link(host, "live")
    assert drift() == (0, RIGHT)


@pytest.mark.long
def test_after_a_cut_behind_the_move_of_the_link_the_watchdog_leads_it_back(deployment: Deployment, host: Host) -> None:
    """nginx has read the new files already, as after a restart."""
    deployment.configure(apiRequestsPerSecond=50)
    try:
        deployment.up()
    finally:
        deployment.configure(apiRequestsPerSecond=None)
    before, accepted = _runs(host), _link(host, "current")
    host.run("ln", "-sfn", f"releases/{_link(host, 'previous')}", f"{SERVICE}/live")
    host.run("docker", "exec", NGINX, "nginx", "-c", "/etc/auren/live/files/nginx.conf", "-s", "reload")
    deadline = time.monotonic() + 60
    while _has_read(host) != accepted or _link(host, "live") != accepted:
        assert time.monotonic() < deadline, "the watchdog did not lead it back"
        time.sleep(1)
    assert _runs(host) == before
