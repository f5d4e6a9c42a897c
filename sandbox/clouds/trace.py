"""The answer of a host behind Cloudflare at `/cdn-cgi/trace`. It contains the client's public address."""

from ipaddress import ip_address

from fastapi import Request
from fastapi.responses import PlainTextResponse

from sandbox import layout
from sandbox.clouds.state import now


def trace(request: Request) -> PlainTextResponse:
    """One `key=value` a line. It asks for no token."""
    client = ip_address(request.client.host if request.client else "127.0.0.1")
    told = {
        "fl": "0f0",
        "h": request.url.hostname or "",
        # This machine asks over its loopback interface, and droplets see it at this address.
        "ip": layout.GATEWAY if client.is_loopback else client,
        "ts": f"{now().timestamp():.3f}",
        "visit_scheme": request.url.scheme,
        "uag": request.headers.get("user-agent", ""),
        "colo": "SBX",
        "sliver": "none",
        "http": "http/1.1",
        "loc": "XX",
        "tls": "off",
        "sni": "off",
        "warp": "off",
        "gateway": "off",
        "rbi": "off",
        "kex": "none",
    }
    return PlainTextResponse("".join(f"{key}={value}\n" for key, value in told.items()))
