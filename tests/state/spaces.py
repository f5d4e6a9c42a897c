"""DigitalOcean Spaces on this machine: moto's S3 under Spaces' own names, with TLS, keys, and the rights of keys.

Programs come to it through a proxy, as out of an office that has one. Nothing else of them is different: addresses,
certificates and signatures are checked as the real service checks them.
"""

import contextlib
import json
import logging
import select
import socket
import socketserver
import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import boto3
from botocore.config import Config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from sandbox.server_certificates import ensure_certificates

REGION = "nyc3"
HOST = f"{REGION}.digitaloceanspaces.com"
LOOPBACK = "127.0.0.1"

_READ = ["s3:ListBucket", "s3:ListBucketVersions", "s3:GetObject", "s3:GetObjectVersion"]
RIGHTS = {"full": ["s3:*"], "read and write": [*_READ, "s3:PutObject", "s3:DeleteObject"], "read": _READ}
"""The kinds of key that Spaces has."""


@dataclass(frozen=True)
class Request:
    """What the service was asked."""

    method: str
    host: str
    path: str
    headers: dict[str, str]
    """By their names in small letters."""

    @property
    def writes(self) -> bool:
        return self.method not in {"GET", "HEAD"}


@dataclass
class Spaces:
    """The running service."""

    certificate: Path
    api: str = ""
    proxy: str = ""
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def environment(self, rights: str) -> dict[str, str]:
        """What makes a program come here with a key of these rights."""
        identifier, secret = self.keys[rights]
        # In both spellings, since programs differ in which they prefer. The engine and its plugins talk on loopback.
        way = {"https_proxy": self.proxy, "no_proxy": f"{LOOPBACK},localhost"}
        return {
            "AWS_ACCESS_KEY_ID": identifier,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_CA_BUNDLE": str(self.certificate),
            "AWS_EC2_METADATA_DISABLED": "true",
            **way,
            **{name.upper(): value for name, value in way.items()},
        }

    def client(self, service: str = "s3") -> Any:
        """A client that is not ours, with all rights, on a way of its own."""
        identifier, secret = self.keys.get("full", ("none", "none"))
        return boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=self.api,
            verify=str(self.certificate),
            aws_access_key_id=identifier,
            aws_secret_access_key=secret,
            config=Config(proxies={}),
        )

    def asked(self) -> list[Request]:
        """The requests since this was last asked."""
        found, self.requests[:] = self.requests[:], []
        return found


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Spaces]:
    """Serve an account that has no bucket. One at a time: moto keeps its accounts in this process."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    ensure_certificates(folder, "Spaces", [f"*.{HOST}"], LOOPBACK)
    spaces = Spaces(folder / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    server = make_server(LOOPBACK, 0, _recording(spaces), threaded=True, ssl_context=context)
    with _served(server), _Proxy((LOOPBACK, 0), server.server_port) as proxy, _served(proxy):
        spaces.api = f"https://{LOOPBACK}:{server.server_port}"
        spaces.proxy = f"http://{LOOPBACK}:{proxy.server_address[1]}"
        _command(spaces, "reset")
        _make_keys(spaces)
        before = _command(spaces, "reset-auth", "0")["PREVIOUS_INITIAL_NO_AUTH_ACTION_COUNT"]
        spaces.asked()
        yield spaces
        _command(spaces, "reset-auth", before)


def _recording(spaces: Spaces) -> Callable[..., Any]:
    application = DomainDispatcherApplication(create_backend_app)

    def serve(environ: dict[str, Any], start_response: Any) -> Any:
        headers = {k[5:].replace("_", "-").lower(): v for k, v in environ.items() if k.startswith("HTTP_")}
        request = Request(environ["REQUEST_METHOD"], headers["host"], environ["PATH_INFO"], headers)
        spaces.requests.append(request)
        return application(environ, start_response)

    return serve


def _command(spaces: Spaces, name: str, data: str = "") -> dict[str, str]:
    """Moto's own, beside the services that it plays."""
    context = ssl.create_default_context(cafile=str(spaces.certificate))
    proxies = urllib.request.ProxyHandler({})
    opener = urllib.request.build_opener(proxies, urllib.request.HTTPSHandler(context=context))
    request = urllib.request.Request(f"{spaces.api}/moto-api/{name}", data.encode(), {"Content-Type": "text/plain"})
    with opener.open(request) as answer:
        return json.loads(answer.read())


def _make_keys(spaces: Spaces) -> None:
    iam = spaces.client("iam")
    made = {}
    for rights, actions in RIGHTS.items():
        user = rights.replace(" ", "-")
        iam.create_user(UserName=user)
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
        iam.put_user_policy(UserName=user, PolicyName=user, PolicyDocument=json.dumps(document))
        key = iam.create_access_key(UserName=user)["AccessKey"]
        made[rights] = key["AccessKeyId"], key["SecretAccessKey"]
    iam.close()
    spaces.keys |= made


@contextlib.contextmanager
def _served(server: Any) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Proxy(socketserver.ThreadingTCPServer):
    """Leads every name below Spaces' to one port of this machine, and nothing else anywhere."""

    def __init__(self, address: tuple[str, int], port: int) -> None:
        super().__init__(address, _Tunnel)
        self.port = port


class _Tunnel(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        method, target, _ = self.rfile.readline().decode().split()
        while self.rfile.readline().strip():
            pass  # the proxy's own headers
        if method != "CONNECT" or not target.endswith(f"{HOST}:443"):
            self.wfile.write(b"HTTP/1.1 502 No such host\r\n\r\n")
            return
        with socket.create_connection((LOOPBACK, cast(_Proxy, self.server).port)) as upstream:
            self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            other = {self.connection: upstream, upstream: self.connection}
            while True:
                for end in select.select(list(other), [], [])[0]:
                    if not (data := end.recv(1 << 16)):
                        return
                    other[end].sendall(data)
