"""The requests of the smoke test, and the most likely cause of each wrong answer. No Pulumi and no sockets."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import urljoin, urlsplit

from auren_infra.smoke_test.answers import Addresses, Answer, Network, NoSuchName, Silence, Unresolved

API_PATH = "/api/health"
"""Any answer of the API is accepted, also a 404."""
NO_API = "the API does not answer"
"""nginx's text when it cannot reach the API, with the status 503."""
MOST_REDIRECTS = 5
LONGEST_QUOTE = 80
_REDIRECTS = (301, 302, 303, 307, 308)


class Cause(Enum):
    """The most likely cause of a wrong answer. `advice` says what to do about each."""

    NO_NETWORK = auto()
    UNREACHABLE = auto()
    PORT_REFUSED = auto()
    NO_HTTP = auto()
    WEBSITE = auto()
    API_SILENT = auto()
    API_ERROR = auto()
    TOO_MANY_REQUESTS = auto()
    REDIRECT = auto()
    NAME_SERVER = auto()
    NAME_BROKEN = auto()
    NAME_MISSING = auto()
    NAME_ELSEWHERE = auto()
    NAME_STRANGERS = auto()
    PROXY_UNREACHABLE = auto()
    CERTIFICATE = auto()
    NOT_PROXIED = auto()
    BLOCKED = auto()
    SSL_MODE = auto()
    ORIGIN_UNREACHABLE = auto()
    ZONE_RULES = auto()


@dataclass(frozen=True)
class Site:
    """The machine and the names that should answer."""

    address: str
    """The machine's."""
    hosts: Sequence[str] = ()
    """The domain's names."""
    proxied: bool = False
    """Whether the names resolve to Cloudflare's proxy instead of the machine."""


@dataclass(frozen=True)
class Fault:
    """A wrong answer: `asked` is a URL or a name, `got` describes the answer."""

    asked: str
    got: str
    cause: Cause
    seconds: int = 0
    """How long name servers may cache their answer."""

    def __str__(self) -> str:
        return f"{self.asked} {self.got}"


Reply = Answer | Silence


def by_address(site: Site, network: Network) -> Fault | None:
    """Request the website and the API at the machine's address."""
    base = f"http://{site.address}"
    page = _first_page(site, base, [site.address], network)
    if isinstance(page, Fault):
        return page
    return _of_machine(*page, is_api=False) or _of_machine(*_api(base, [site.address], network), is_api=True)


def by_name(site: Site, network: Network) -> Fault | None:
    """Request the website by each of the domain's names, and the API by the first one."""
    for host in site.hosts:
        found = network.look_up(host)
        if not isinstance(found, Addresses):
            return _unresolved(host, found)
        if not site.proxied and (fault := _elsewhere(site, host, found)):
            return fault
        base, addresses = f"{'https' if site.proxied else 'http'}://{host}", [*found.ipv4, *found.ipv6]
        page = _first_page(site, base, addresses, network)
        if isinstance(page, Fault):
            return page
        replies = [(*page, False)]
        if host == site.hosts[0]:
            replies.append((*_api(base, addresses, network), True))
        for url, reply, is_api in replies:
            judged = _of_proxy(url, reply, found, is_api=is_api) if site.proxied else None
            if fault := judged or _of_machine(url, reply, is_api=is_api):
                return fault
    return None


def _get(url: str, addresses: Sequence[str], network: Network) -> Reply:
    """The first answer from any address, in the order of a browser. If none answers: the failure of the first one."""
    silences: list[Silence] = []
    for address in addresses:
        reply = network.get(url, address)
        if isinstance(reply, Answer):
            return reply
        silences.append(reply)
    return silences[0]


def _api(base: str, addresses: Sequence[str], network: Network) -> tuple[str, Reply]:
    return f"{base}{API_PATH}", _get(f"{base}{API_PATH}", addresses, network)


def _first_page(site: Site, base: str, addresses: Sequence[str], network: Network) -> tuple[str, Reply] | Fault:
    """The reply after all redirects. A redirect must stay within the site, whose names have the same addresses."""
    asked = url = f"{base}/"
    for _ in range(MOST_REDIRECTS + 1):
        reply = _get(url, addresses, network)
        location = reply.headers.get("location") if isinstance(reply, Answer) and reply.status in _REDIRECTS else None
        if not location:
            return url, reply
        try:
            url = urljoin(url, location)
            inside = _is_within(site, url)
        except ValueError:  # no URL
            url, inside = location, False
        if not inside:
            return Fault(asked, f"redirects to {_quoted(url)}", Cause.REDIRECT)
    return Fault(asked, f"redirects more than {MOST_REDIRECTS} times, at last to {_quoted(url)}", Cause.REDIRECT)


def _is_within(site: Site, url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and parts.port != 0 and parts.hostname in (site.address, *site.hosts)


def _of_machine(url: str, reply: Reply, *, is_api: bool) -> Fault | None:
    """The fault in a reply of nginx, if there is one."""
    if not isinstance(reply, Answer):
        return Fault(url, str(reply), _SILENCES.get(reply, Cause.NO_HTTP))
    if not is_api:
        return None if reply.status == 200 else Fault(url, _told(reply), Cause.WEBSITE)
    if reply.status == 429:
        return Fault(url, _told(reply), Cause.TOO_MANY_REQUESTS)
    if reply.status in (502, 504) or (reply.status == 503 and NO_API in reply.text):
        return Fault(url, _told(reply), Cause.API_SILENT)
    return Fault(url, _told(reply), Cause.API_ERROR) if reply.status >= 500 else None


_SILENCES = {
    Silence.NO_NETWORK: Cause.NO_NETWORK,
    Silence.UNREACHABLE: Cause.UNREACHABLE,
    Silence.REFUSED: Cause.PORT_REFUSED,
}


def _of_proxy(url: str, reply: Reply, found: Addresses, *, is_api: bool) -> Fault | None:
    """The fault in a reply of Cloudflare's proxy. None: the proxy passed on the machine's answer."""
    at = f"(at {', '.join((*found.ipv4, *found.ipv6))})"
    if not isinstance(reply, Answer):
        cause = _PROXY_SILENCES.get(reply, Cause.PROXY_UNREACHABLE)
        return Fault(url, f"{reply} {at}", cause, found.seconds)
    if "cf-ray" not in reply.headers:
        return Fault(url, f"{_told(reply)}, and not by Cloudflare {at}", Cause.NOT_PROXIED, found.seconds)
    if "cf-mitigated" in reply.headers or (reply.status == 403 and "error code: 1" in reply.text):
        return Fault(url, _told(reply), Cause.BLOCKED)
    if reply.status in _PROXY_STATUSES:
        return Fault(url, _told(reply), _PROXY_STATUSES[reply.status])
    # Without the proxy, the machine has just answered with the website.
    return Fault(url, _told(reply), Cause.ZONE_RULES) if not is_api and reply.status != 200 else None


_PROXY_SILENCES = {
    Silence.NO_NETWORK: Cause.NO_NETWORK,
    Silence.CERTIFICATE: Cause.CERTIFICATE,
    Silence.TLS: Cause.CERTIFICATE,
}
_PROXY_STATUSES = {
    520: Cause.ORIGIN_UNREACHABLE,
    521: Cause.SSL_MODE,  # the machine has just answered on port 80, and in the mode Full Cloudflare asks port 443
    522: Cause.ORIGIN_UNREACHABLE,
    523: Cause.ORIGIN_UNREACHABLE,
    524: Cause.ORIGIN_UNREACHABLE,
    525: Cause.SSL_MODE,
    526: Cause.SSL_MODE,
    530: Cause.ORIGIN_UNREACHABLE,
}


def _unresolved(host: str, found: NoSuchName | Unresolved) -> Fault:
    if isinstance(found, NoSuchName):
        return Fault(host, "has no address in the DNS", Cause.NAME_MISSING, found.seconds)
    cause = Cause.NAME_BROKEN if found is Unresolved.FAILED else Cause.NAME_SERVER
    return Fault(host, f"cannot be looked up: {found}", cause)


def _elsewhere(site: Site, host: str, found: Addresses) -> Fault | None:
    """The fault if an unproxied name resolves to other addresses than the machine's."""
    others = [address for address in (*found.ipv4, *found.ipv6) if address != site.address]
    if not others:
        return None
    if site.address in found.ipv4:
        got, cause = f"leads to {site.address} and also to {', '.join(others)}", Cause.NAME_STRANGERS
    else:
        got, cause = f"leads to {', '.join(others)}, not to {site.address}", Cause.NAME_ELSEWHERE
    return Fault(host, got, cause, found.seconds)


def _told(answer: Answer) -> str:
    """The status, and the body if it is one short line."""
    text = answer.text.strip()
    said = "" if not text or "\n" in text or "<" in text or len(text) > LONGEST_QUOTE else f": {_quoted(text)}"
    return f"answers with {answer.status}{said}"


def _quoted(text: str) -> str:
    """Replace control characters, because the text comes from outside and is printed on a terminal."""
    shown = "".join(character if character.isprintable() else "?" for character in text)
    return shown if len(shown) <= LONGEST_QUOTE else f"{shown[:LONGEST_QUOTE]}…"
