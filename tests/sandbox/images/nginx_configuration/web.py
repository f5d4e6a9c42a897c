"""nginx with its rendered file, and what stands in for the API behind it."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from docker.models.containers import Container

from auren_infra.services.model import LIVE_FILES
from tests.sandbox.images.containers import says

API = """
pid /tmp/nginx.pid;
error_log stderr warn;
events {}
http {
    access_log off;
    keepalive_requests 100000;
    server {
        listen 8080;
        client_max_body_size 100m;
        default_type application/json;
        location /api/connection { return 200 "$connection"; }
        location /api/kept { add_header Cache-Control max-age=1; return 200 "$request_id"; }
        location /api/long { add_header Cache-Control max-age=600; return 200 "$request_id"; }
        location /api/personal { add_header Cache-Control "private, max-age=600"; return 200 "$request_id"; }
        location /api/cookie {
            add_header Cache-Control max-age=600;
            add_header Set-Cookie a=b;
            return 200 "$request_id";
        }
        location /api/silent { return 200 "$request_id"; }
        location /api/open { add_header Access-Control-Allow-Origin *; return 200 "open"; }
        location /api/fault { add_header Retry-After 7 always; return 503 '{"detail":"Redis does not answer"}'; }
        location /api/upload { proxy_pass http://127.0.0.1:8080/sink; }
        location /api/who {
            return 200 '{"for":"$http_x_forwarded_for","real":"$http_x_real_ip","proto":"$http_x_forwarded_proto",
                "host":"$http_host","named":"$http_cf_connecting_ip"}';
        }
        location /sink { return 200 "received"; }
    }
}
"""
CLOUDFLARE = "173.245.48.10"
"""An address out of its ranges, which the client inside the container's network takes."""


class Answer:
    """Status, headers (a list for each name, in small letters) and body."""

    def __init__(self, text: str) -> None:
        head, _, self.body = text.partition("\r\n\r\n")
        status, *lines = head.splitlines()
        self.status = int(status.split()[1])
        self.headers: dict[str, list[str]] = {}
        for name, _, value in (line.partition(":") for line in lines):
            self.headers.setdefault(name.lower(), []).append(value.strip())

    def __getitem__(self, name: str) -> str:
        """The header, which must not come twice; empty when it does not come."""
        (value,) = self.headers.get(name, [""])
        return value


class Web:
    """nginx as the catalogue has it, and what stands in for the API behind it."""

    def __init__(self, nginx: Container, api: Container, logs: Path, address: str) -> None:
        self.nginx, self.api, self.address = nginx, api, address
        self._logs = logs

    def ask(self, path: str, *options: str, host: str = "127.0.0.1") -> Answer:
        """Ask nginx from inside its own network, with curl's `options`."""
        code, text = says(
            self.nginx,
            "curl",
            "-s",
            "-i",
            "--max-time",
            "20",
            "-H",
            f"Host: {host}",
            *options,
            f"http://127.0.0.1{path}",
        )
        assert code == 0, f"curl ended with {code}: {text}"
        return Answer(text)

    def take_address(self, address: str) -> None:
        """Let a client inside nginx's own network call from `address`."""
        self.nginx.reload()
        enter = ["nsenter", "--target", str(self.nginx.attrs["State"]["Pid"]), "--net"]
        subprocess.run([*enter, "ip", "address", "add", f"{address}/32", "dev", "lo"], check=True, timeout=10)

    def log(self) -> list[dict[str, Any]]:
        """The access log so far: nginx writes out what it has when it opens its files anew, as after a rotation."""
        assert says(self.nginx, "nginx", "-c", f"{LIVE_FILES}/nginx.conf", "-s", "reopen")[0] == 0
        time.sleep(0.5)
        return [json.loads(line) for line in (self._logs / "access.log").read_text().splitlines()]


Serve = Callable[..., Web]
"""The fixture `serve`: starts nginx with the file that is rendered for a configuration."""
