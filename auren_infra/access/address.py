"""The public IPv4 address that this machine's connections come from, as Cloudflare sees it."""

from collections.abc import Mapping
from ipaddress import IPv4Address
from urllib.parse import urlsplit

from auren_infra.apis import cloudflare, http
from auren_infra.apis.http import CloudError


def own(environment: Mapping[str, str]) -> IPv4Address:
    """Ask the host of Cloudflare's API, which a deployment needs anyway. Raises `CloudError`.

    Every host behind Cloudflare answers `/cdn-cgi/trace` without a token, with one `key=value` per line.
    """
    host = urlsplit(cloudflare.endpoint(environment))
    url = f"{host.scheme}://{host.netloc}/cdn-cgi/trace"
    try:
        answer = http.ask("GET", url, ipv4=True)
    except CloudError as error:
        raise CloudError(f"Your public address is unknown: {error} Name it with --address.") from error
    told = dict(line.split("=", 1) for line in answer.text.splitlines() if "=" in line)
    try:
        return IPv4Address(told.get("ip", ""))
    except ValueError:
        raise CloudError(
            f"Your public address is unknown: {url} answered with {answer.status} and names no IPv4 address. "
            "Name it with --address."
        ) from None
