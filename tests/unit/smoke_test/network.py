"""A network that answers what a test says, and the site that is asked for in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from auren_infra.smoke_test.answers import Addresses, Answer, NoSuchName, Silence, Unresolved
from auren_infra.smoke_test.questions import Site

ADDRESS = "198.51.100.10"
EDGE = "104.16.0.1"
HOSTS = ("aupex.ai", "www.aupex.ai")
DIRECT = Site(ADDRESS, HOSTS, proxied=False)
PROXIED = Site(ADDRESS, HOSTS, proxied=True)
WEBSITE = Answer(200, {"content-type": "text/html"}, "<title>AUREN</title>")
API = Answer(200, {"content-type": "application/json"}, '{"status":"ok"}')


@dataclass
class FakeNetwork:
    """All is well but for what `replies` and `names` say otherwise, by URL and by host name."""

    site: Site
    replies: Mapping[str, Answer | Silence] = field(default_factory=dict[str, Answer | Silence])
    names: Mapping[str, Addresses | NoSuchName | Unresolved] = field(
        default_factory=dict[str, Addresses | NoSuchName | Unresolved]
    )
    by_address: Mapping[str, Silence] = field(default_factory=dict[str, Silence])
    """What becomes of any URL that is asked at an address."""
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Each URL with the address that it was asked at."""

    def get(self, url: str, address: str) -> Answer | Silence:
        self.asked.append((url, address))
        if address in self.by_address:
            return self.by_address[address]
        if url in self.replies:
            return self.replies[url]
        answer = API if "/api" in url else WEBSITE
        return by_cloudflare(answer) if url.startswith("https:") else answer

    def connects(self, address: str, port: int) -> bool:
        raise AssertionError("no question needs this")

    def look_up(self, host: str) -> Addresses | NoSuchName | Unresolved:
        usual = Addresses([EDGE] if self.site.proxied else [ADDRESS], seconds=300)
        return self.names.get(host, usual)


def by_cloudflare(answer: Answer) -> Answer:
    return Answer(answer.status, {**answer.headers, "cf-ray": "8f00-FRA", "server": "cloudflare"}, answer.text)
