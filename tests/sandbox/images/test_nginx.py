"""nginx with the official image's interface: what production's service definition asks of it."""

import os
from pathlib import Path

import pytest

from tests.sandbox.images.containers import Run, eventually, says

pytestmark = pytest.mark.machine

CONFIGURATION = """
pid /tmp/nginx.pid;
error_log stderr warn;
events {}
http {
    include /etc/nginx/mime.types;
    client_max_body_size 1m;
    server {
        listen 8088;
        root /usr/share/nginx/html;
        location = /upload { proxy_pass http://127.0.0.1:8088/sink; }
        location = /sink { return 200 "received\\n"; }
    }
}
"""
TMPFS = dict.fromkeys(("/var/cache/nginx", "/var/run", "/tmp"), "uid=101,gid=101,mode=0755")


def test_serves_its_page_as_user_101_under_a_read_only_root(run: Run) -> None:
    # Port 80 needs no capability here: Docker lets every user bind it inside a network namespace of its own.
    nginx = run("nginx", user="101:101", tmpfs=TMPFS)
    eventually(lambda: says(nginx, "curl", "-sf", "http://127.0.0.1/")[0] == 0)
    assert says(nginx, "id", "-u") == (0, "101")
    assert b'"GET / HTTP/1.1" 200' in nginx.logs(stdout=True, stderr=False)


def test_obeys_a_configuration_mounted_over_its_own(run: Run, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "nginx.conf").write_text(CONFIGURATION)
    (tmp_path / "site.css").write_text("body {}\n")
    mounts = [f"{tmp_path}/nginx.conf:/etc/nginx/nginx.conf:ro", f"{tmp_path}:/usr/share/nginx/html:ro"]
    nginx = run("nginx", user="101:101", tmpfs=TMPFS, volumes=mounts)
    eventually(lambda: says(nginx, "curl", "-sf", "http://127.0.0.1:8088/site.css")[0] == 0)
    assert says(nginx, "nginx", "-t")[0] == 0
    assert "text/css" in says(nginx, "curl", "-sI", "http://127.0.0.1:8088/site.css")[1]
    # A body that does not fit in memory goes to the scratch space, the tmpfs.
    upload = "head -c 500000 /dev/zero | curl -sf --data-binary @- http://127.0.0.1:8088/upload"
    assert says(nginx, "sh", "-c", upload) == (0, "received")


def test_ends_at_once_and_cleanly_when_stopped(run: Run) -> None:
    nginx = run("nginx", user="101:101", tmpfs=TMPFS)
    eventually(lambda: says(nginx, "curl", "-sf", "http://127.0.0.1/")[0] == 0)
    nginx.stop(timeout=20)
    nginx.reload()
    assert nginx.attrs["State"]["ExitCode"] == 0


def test_logs_go_to_a_folder_that_is_mounted_for_it(run: Run, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    tmp_path.chmod(0o755)
    os.chown(logs, 101, 101)
    nginx = run("nginx", user="101:101", tmpfs=TMPFS, volumes=[f"{logs}:/var/log/nginx"])
    eventually(lambda: says(nginx, "curl", "-sf", "http://127.0.0.1/")[0] == 0)
    assert "GET / HTTP" in (logs / "access.log").read_text()
