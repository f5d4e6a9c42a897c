"""nginx's logs are rotated on a real machine: logrotate is forced, and nginx writes on."""

import time
from typing import Any

import httpx
import pytest

from tests.local.host import Host

pytestmark = pytest.mark.machine

RULE = "/etc/logrotate.d/auren-nginx"
LOGS = "/mnt/auren-data/nginx-logs"
WRITTEN_WITHIN = 30
"""Seconds; nginx writes its log every 5."""


def visit(outputs: dict[str, Any], host: Host, page: str) -> None:
    """It is in the log afterwards."""
    httpx.get(f"http://{outputs['address']}/{page}", headers={"Host": outputs["domain"]}, timeout=10)
    deadline = time.monotonic() + WRITTEN_WITHIN
    while files_with(host, page) != {"access.log"}:
        assert time.monotonic() < deadline, files_with(host, page)
        time.sleep(0.5)


def files_with(host: Host, page: str) -> set[str]:
    """Which log files tell of a page."""
    return set(host.run("sh", "-c", f"cd {LOGS} && zgrep -l -e '/{page}' access.log*", check=False).split())


def test_old_logs_are_kept_and_compressed_and_nginx_writes_a_new_one(outputs: dict[str, Any], host: Host) -> None:
    before = host.started_at("auren-nginx")
    for page in ("first-page", "second-page", "third-page"):
        visit(outputs, host, page)
        said = host.run("sh", "-c", f"logrotate --force {RULE} 2>&1")
        assert said == ""
    visit(outputs, host, "last-page")
    assert {page: files_with(host, f"{page}-page") for page in ("first", "second", "third", "last")} == {
        "first": {"access.log.3.gz"},
        "second": {"access.log.2.gz"},
        "third": {"access.log.1"},
        "last": {"access.log"},
    }
    assert host.started_at("auren-nginx") == before


def test_whatever_is_rotated_stays_nginxs_own(outputs: dict[str, Any], host: Host) -> None:
    """Its container could not write, and rotation could not remove, what belongs to somebody else."""
    visit(outputs, host, "a-page")
    host.run("logrotate", "--force", RULE)
    assert set(host.run("find", LOGS, "-printf", "%U:%G\n").split()) == {"101:101"}


def test_the_systems_own_run_takes_the_rule(host: Host) -> None:
    host.run("systemctl", "start", "logrotate.service")
    assert host.run("systemctl", "is-failed", "logrotate.service", check=False).strip() == "inactive"
    assert LOGS in host.run("cat", "/var/lib/logrotate/status")
