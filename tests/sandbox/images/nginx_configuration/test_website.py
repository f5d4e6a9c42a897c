"""What the website's visitors get: files, headers, refusals, and a line in the log."""

import json
from pathlib import Path

import pytest

from auren_infra.blueprint import describe
from auren_infra.files.releases import release
from auren_infra.services.model import LIVE_FILES
from auren_infra.settings.content_sources import LONGEST
from tests.sandbox.images.containers import Run, eventually
from tests.sandbox.images.nginx_configuration.web import Serve
from tests.unit.configuration import planned, settings

pytestmark = pytest.mark.machine


def test_files_are_kept_as_long_as_their_names_allow(serve: Serve) -> None:
    web = serve()
    page = web.ask("/")
    assert (page.status, page["cache-control"], page["content-type"]) == (200, "no-cache", "text/html")
    assert web.ask("/", "-H", f"If-None-Match: {page['etag']}").status == 304
    assert web.ask("/people/ada").body == page.body, "the website's own paths are its first page"
    hashed = web.ask("/assets/index-BkT3f9aX.js")
    assert hashed["cache-control"] == "public, max-age=31536000, immutable"
    assert web.ask("/status.js")["cache-control"] == "no-cache"
    assert web.ask("/assets/module.mjs")["content-type"] == "application/javascript"
    gone = web.ask("/assets/index-AAAA1111.js")
    assert (gone.status, gone["cache-control"]) == (404, "")
    packed = web.ask("/status.js", "-H", "Accept-Encoding: gzip", "--output", "/dev/null", "--dump-header", "-")
    assert (packed["content-encoding"], packed["vary"]) == ("gzip", "Accept-Encoding")


def test_a_page_of_the_website_before_finds_the_files_of_its_time(serve: Serve, website: Path) -> None:
    """Those whose names have a digest in them; whatever else was removed is gone."""
    before = website.parent / "previous/assets"
    before.mkdir(parents=True)
    for name in ("index-Old4f9aX.js", "index-BkT3f9aX.js", "removed.js", "removed.html"):
        (before / name).write_text("before")
    web = serve()
    found = web.ask("/assets/index-Old4f9aX.js")
    assert (found.status, found.body) == (200, "before")
    assert found["cache-control"] == "public, max-age=31536000, immutable"
    assert web.ask("/assets/index-BkT3f9aX.js").body == "let b;", "the website of today comes first"
    assert web.ask("/assets/removed.js").status == 404
    assert "before" not in web.ask("/assets/removed.html").body
    assert web.ask("/assets/index-Old4f9aX.js", "-X", "POST").status == 405


def test_what_is_not_the_websites_is_refused(serve: Serve, website: Path) -> None:
    web = serve()
    assert web.ask("/.git/config").status == 404
    assert web.ask("/", "-X", "POST").status == 405
    assert web.ask("/status.js", "-X", "DELETE").status == 405
    assert web.ask("/api/silent", "-X", "PROPFIND").status == 405
    assert web.ask("/", "-X", "TRACE").status == 405
    refused = web.ask("/api/report.css", "-X", "PROPFIND")
    assert (refused.status, refused["content-type"]) == (405, "application/json"), "whatever the path ends with"
    assert web.ask("/", host="elsewhere.example").status == 421
    for host in ("aupex.ai", "www.aupex.ai", "198.51.100.130", "127.0.0.1", "localhost"):
        assert web.ask("/", host=host).status == 200, host
    (website / "index.html").unlink()
    assert eventually(lambda: web.ask("/healthz").status == 503, seconds=10)


def test_nothing_hidden_is_served_except_the_well_known_files_at_the_root(serve: Serve) -> None:
    web = serve()
    security = web.ask("/.well-known/security.txt")
    assert (security.status, security.body) == (200, "Contact: mailto:security@aupex.ai")
    assert security["content-type"] == "text/plain; charset=utf-8", "as RFC 9116 has it"
    app = web.ask("/.well-known/apple-app-site-association")
    assert (app.status, app["content-type"], app.body) == (200, "application/json", "{}")
    assert web.ask("/.well-known/acme-challenge/token").body == "token.thumbprint"
    for path in (
        "/.well-known/change-password",
        "/.well-known",
        "/.well-known/",
        "/.well-known/acme-challenge",
        "/.well-known/acme-challenge/",
        "/.well-known/.htpasswd",
        "/.well-known/../.git/config",
        "/.well-known/%2e%2e/.git/config",
        "/.well-known/%2ehtpasswd",
        "/.well-knownx/security.txt",
        "/assets/.well-known/security.txt",
        "/%2egit/config",
        "//.git/config",
    ):
        answer = web.ask(path, "--path-as-is")
        assert (answer.status, "secret" in answer.body) == (404, False), path
    assert web.ask("/.well-known/security.txt", "-X", "POST").status == 405


def test_every_answer_says_what_a_browser_may_do(serve: Serve) -> None:
    web = serve()
    for path in ("/", "/assets/gone.js", "/api/silent", "/api/fault"):
        answer = web.ask(path)
        assert answer["x-content-type-options"] == "nosniff", path
        assert answer["referrer-policy"] == "strict-origin-when-cross-origin", path
        assert answer["permissions-policy"], path
        assert answer["server"] == "nginx", "no version"
        assert ("frame-ancestors 'none'" in answer["content-security-policy"]) == (not path.startswith("/api")), path
        assert answer["strict-transport-security"] == "", "over plain HTTP it would mean nothing"
    secure = web.ask("/", "-H", "X-Forwarded-Proto: https")
    assert secure["strict-transport-security"].startswith("max-age=")


def test_pages_may_load_what_is_named_however_long_the_list_is(serve: Serve) -> None:
    entries = ["font-src=https://fonts.gstatic.com", "style-src='unsafe-inline'", "connect-src=wss://live.example.org"]
    while sum(map(len, entries)) < LONGEST - 40:
        entries.append(f"img-src=https://{len(entries):010}.org")
    policy = serve(contentSources=json.dumps(entries)).ask("/")["content-security-policy"].split("; ")
    assert policy[0] == "default-src 'self'"
    assert {"font-src 'self' https://fonts.gstatic.com", "connect-src 'self' wss://live.example.org"} < set(policy)
    (images,) = [part for part in policy if part.startswith("img-src ")]
    assert images.endswith(entries[-1].partition("=")[2])


def test_a_line_of_the_log_can_be_read_by_a_program(serve: Serve) -> None:
    web = serve()
    web.ask("/healthz")
    web.ask('/api/silent?token=secret"x', "-A", 'a "quoted" \\ agent')
    web.ask("/people/ada?token=secret")
    lines = {line["path"]: line for line in web.log()}
    api, page = lines.pop("/api/silent"), lines.pop("/people/ada")
    assert lines == {}, "health checks are not worth a line"
    assert (api["status"], api["agent"]) == (200, 'a "quoted" \\ agent')
    assert (api["method"], api["host"], api["cache"], api["upstream_status"]) == ("GET", "127.0.0.1", "MISS", "200")
    assert isinstance(api["seconds"], float)
    assert (page["status"], page["upstream"]) == (200, "")
    assert "secret" not in json.dumps([api, page]), "a query can hold what is nobody's business"
    assert len(api["id"]) == 32


def test_the_containers_log_tells_why_a_start_failed(run: Run, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    auren = describe(settings())
    text = release(planned(auren), "nginx").files["nginx.conf"]
    (tmp_path / "nginx.conf").write_text(text.replace("limit_req zone=requests", "limit_req zone=unknown"))
    nginx = run(
        "nginx",
        command=list(auren.by_name["nginx"].command),
        user="101:101",
        tmpfs=dict.fromkeys(("/var/cache/nginx", "/tmp", "/var/log/nginx"), "uid=101"),
        volumes=[f"{tmp_path}/nginx.conf:{LIVE_FILES}/nginx.conf:ro"],
    )
    assert nginx.wait(timeout=20)["StatusCode"] != 0
    assert b'zero size shared memory zone "unknown"' in nginx.logs()
