"""nginx.conf: exactly this text, and what follows from services and settings."""

import json
import re
from dataclasses import replace
from difflib import ndiff
from ipaddress import ip_network

import jinja2
import pytest
import yaml

from auren_infra.blueprint import describe
from auren_infra.files.cloudflare import RANGES
from auren_infra.files.releases import release
from auren_infra.files.render import template
from auren_infra.settings.content_sources import DIRECTIVES, LONGEST
from tests.unit.configuration import ROOT, blueprint, planned, settings


def _nginx(**changes: str) -> str:
    chosen = settings(**changes)
    return release(planned(describe(chosen)), "nginx").files["nginx.conf"]


def _lines(**changes: str) -> list[str]:
    return [line.strip() for line in _nginx(**changes).splitlines()]


@pytest.mark.parametrize(
    ("name", "value", "changed"),
    [
        ("maxUploadMegabytes", "25", ["client_max_body_size 25m;", '413 "the request is larger than 25 MB";']),
        ("drainSeconds", "90", ["worker_shutdown_timeout 90s;"]),
        ("drainSeconds", "0", ["worker_shutdown_timeout 1s;"]),  # zero would be no limit
        ("apiRequestsPerSecond", "5", ["limit_req_zone $client zone=requests:8m rate=5r/s;"]),
        (
            "apiRequestBurst",
            "7",
            ["limit_req zone=requests burst=7 nodelay;", "limit_conn in_flight 7;", "limit_conn streams 7;"],
        ),
    ],
)
def test_a_setting_changes_its_own_lines(name: str, value: str, changed: list[str]) -> None:
    after = [line[2:] for line in ndiff(_lines(), _lines(**{name: value})) if line.startswith("+ ")]
    assert after == changed


@pytest.mark.parametrize(
    ("changes", "served"),
    [
        ({}, ["aupex.ai", "www.aupex.ai"]),
        ({"domain": "app.aupex.ai"}, ["app.aupex.ai"]),
        ({"domain": "app.aupex.ai", "proxied": "false"}, ["app.aupex.ai", "www.app.aupex.ai"]),
    ],
)
def test_the_names_that_have_a_record_are_served_and_no_others(changes: dict[str, str], served: list[str]) -> None:
    names = _nginx(**changes).split("server_name ")[2].split(";")[0].split()
    assert names[: names.index("localhost")] == served


def test_the_proxy_follows_the_api() -> None:
    auren = blueprint()
    services = tuple(
        replace(service, port=9000, host_number=77) if service.name == "api" else service for service in auren.services
    )
    assert (
        "server 172.18.0.77:9000 " in release(planned(replace(auren, services=services)), "nginx").files["nginx.conf"]
    )


def test_a_visitors_word_counts_from_cloudflare_alone() -> None:
    """Without the proxy in front, anybody could name any address, and be somebody else for every request limit."""
    behind, alone = _lines(proxied="true"), _lines(proxied="false")
    assert [line for line in behind if line.startswith("set_real_ip_from")] == [
        f"set_real_ip_from {network};" for network in RANGES
    ]
    assert "real_ip_header CF-Connecting-IP;" in behind
    assert not [line for line in alone if "real_ip" in line or "x_forwarded" in line]


def test_cloudflares_ranges_are_public_networks_of_both_kinds() -> None:
    networks = [ip_network(network) for network in RANGES]
    assert {network.version for network in networks} == {4, 6}
    assert all(network.is_global for network in networks)
    assert len(set(networks)) == len(networks)


def test_other_websites_get_nothing_unless_they_are_named() -> None:
    alone = _nginx()
    assert "add_header Access-Control" not in alone
    named = _lines(corsOrigins='["https://app.aupex.ai", "http://localhost:3000"]')
    assert '"https://app.aupex.ai" $http_origin;' in named
    assert '"http://localhost:3000" $http_origin;' in named
    assert not any("*" in line for line in named if "Access-Control" in line)


def _content_policy(*entries: str) -> list[str]:
    (line,) = [line for line in _lines(contentSources=json.dumps(entries)) if line.startswith('default "default-src')]
    return line.removeprefix('default "').removesuffix('";').split("; ")


def test_pages_load_from_their_own_domain_and_from_what_is_named() -> None:
    default = _content_policy()
    assert default == [
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
    more = _content_policy(
        "font-src=https://fonts.gstatic.com",
        "style-src=https://fonts.googleapis.com",
        "style-src='unsafe-inline'",
        "img-src=https://*.example.org",
        "connect-src=wss://live.example.org:8443/feed",
        "script-src='sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
    )
    assert [part for part in more if part not in default] == [
        "connect-src 'self' wss://live.example.org:8443/feed",
        "font-src 'self' https://fonts.gstatic.com",
        "img-src 'self' data: https://*.example.org",
        "script-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
        "style-src 'self' https://fonts.googleapis.com 'unsafe-inline'",
    ]
    assert [part for part in default if part not in more] == ["img-src 'self' data:"]


def test_the_documented_content_sources_are_accepted() -> None:
    (block,) = re.findall(r"```yaml\n(auren:contentSources:\n.*?)```", (ROOT / "docs/nginx.md").read_text(), re.DOTALL)
    entries: list[str] = yaml.safe_load(block)["auren:contentSources"]
    policy = _content_policy(*entries)
    for entry in entries:
        directive, _, source = entry.partition("=")
        assert f"{directive} 'self' {source}" in policy


def test_a_refusal_names_the_limits_that_nginx_has() -> None:
    text = _nginx()
    assert "large_client_header_buffers 4 32k;" in text
    assert text.count("the headers are larger than 128 KB, or one of them than 32 KB") == 2
    assert "proxy_buffer_size 64k;" in text
    assert text.count("its headers are larger than 64 KB") == 1


def test_the_longest_content_policy_fits_a_text_of_nginxs() -> None:
    """A text of its file has 4096 characters at most, the quotes among them."""
    entries = [f"{directive}=https://x.org" for directive in DIRECTIVES]
    while sum(map(len, entries)) < LONGEST - 40:
        entries.append(f"img-src=https://{len(entries):010}.org")
    assert len("; ".join(_content_policy(*entries))) < 4000


def test_no_header_is_lost_to_another() -> None:
    """A single `add_header` in a location drops all that are above it."""
    for changes in ({}, {"corsOrigins": '["https://app.aupex.ai"]'}):
        text = _nginx(**changes)
        headers = [line for line in text.splitlines() if line.lstrip().startswith("add_header")]
        assert len(headers) >= 8
        assert all(line.startswith("    add_header") for line in headers), "in http alone"


def test_all_that_nginx_writes_is_on_a_tmpfs_or_its_volume() -> None:
    """Its root file system is read-only."""
    chosen = settings()
    (nginx,) = [service for service in describe(chosen).services if service.name == "nginx"]
    writable = tuple(f"{mount.target}/" for mount in (*nginx.tmpfs, *nginx.volumes))
    lines = [line.split() for line in _nginx().splitlines()]
    files = ("pid", "temp_path", "cache_path", "_log")
    written = [words[1].rstrip(";") for words in lines if words and words[0].endswith(files)]
    written = [path for path in written if path not in ("off", "stderr")]
    assert len(written) == 9
    assert all(path.startswith(writable) for path in written)


def test_what_is_kept_fits_its_tmpfs() -> None:
    """A full one would end uploads and answers in the middle."""
    (nginx,) = [service for service in blueprint().services if service.name == "nginx"]
    (tmpfs,) = [tmpfs for tmpfs in nginx.tmpfs if tmpfs.target == "/var/cache/nginx"]
    (cache,) = [line for line in _lines() if line.startswith("proxy_cache_path")]
    sizes = dict(word.rstrip(";").split("=") for word in cache.split() if "=" in word)
    megabytes = {
        name: int(value.removesuffix("m")) for name, value in sizes.items() if name in ("max_size", "min_free")
    }
    assert sum(megabytes.values()) <= tmpfs.megabytes
    assert {"proxy_request_buffering off;", "proxy_max_temp_file_size 0;"} <= set(_lines())


def test_connections_and_files_stay_within_what_the_container_may_open() -> None:
    chosen = settings()
    (nginx,) = [service for service in describe(chosen).services if service.name == "nginx"]
    (line,) = [line for line in _lines() if line.startswith("worker_connections")]
    connections = int(line.split()[1].rstrip(";"))
    assert 2 * connections < nginx.limits.open_files, "a request to the API takes two, and files are open beside them"


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        template("redis.conf")
