"""nginx.conf: exactly this text, and what follows from services and settings."""

from collections.abc import Callable
from dataclasses import replace

import jinja2
import pytest

from auren_infra.files.render import configuration_files, template
from auren_infra.services.catalogue import catalogue
from tests.unit.configuration import settings


def _nginx(**changes: str) -> str:
    chosen = settings(**changes)
    return configuration_files(chosen, catalogue(chosen))["nginx.conf"]


def test_the_file_is_the_expected_one(expect: Callable[[str, str], None]) -> None:
    expect("nginx.conf", _nginx())


def test_one_setting_changes_one_line() -> None:
    before, after = _nginx().splitlines(), _nginx(maxUploadMegabytes="25").splitlines()
    assert [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]] == [
        ("    client_max_body_size 10m;", "    client_max_body_size 25m;")
    ]


def test_the_domain_and_www_are_served() -> None:
    assert "server_name stage.aupex.ai www.stage.aupex.ai;" in _nginx(domain="stage.aupex.ai")


def test_the_proxy_follows_the_api() -> None:
    chosen = settings()
    services = [
        replace(service, port=9000, host_number=77) if service.name == "api" else service
        for service in catalogue(chosen)
    ]
    assert "server 172.18.0.77:9000;" in configuration_files(chosen, services)["nginx.conf"]


def test_all_that_nginx_writes_is_in_a_tmpfs() -> None:
    """Its root file system is read-only."""
    chosen = settings()
    (nginx,) = [service for service in catalogue(chosen) if service.name == "nginx"]
    writable = tuple(f"{tmpfs.target}/" for tmpfs in nginx.tmpfs)
    lines = [line.split() for line in _nginx().splitlines()]
    written = [words[1].rstrip(";") for words in lines if words and words[0].endswith(("pid", "temp_path"))]
    assert len(written) == 6
    assert all(path.startswith(writable) for path in written)


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        template("redis.conf")
