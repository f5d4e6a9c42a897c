"""The repair of a fault: a few short sentences for each cause. No Pulumi."""

from collections.abc import Sequence
from dataclasses import dataclass

from auren_infra.smoke_test.questions import Cause, Fault

GONE = "gone"
"""The status of a droplet that DigitalOcean does not have."""
AT_REST = ("off", "archive", GONE)
"""A droplet with one of these statuses does not answer, so waiting is useless."""


@dataclass(frozen=True)
class Facts:
    """Facts from the clouds that the sentences use. A fact that could not be looked up is empty."""

    droplet: str = ""
    """Its id."""
    droplet_status: str = ""
    ssh_open: bool = False
    """Whether the machine accepts connections on port 22."""
    zone: str = ""
    zone_status: str = ""
    name_servers: Sequence[str] = ()
    """Those that Cloudflare has for the zone."""


DROPLET_OFF = (
    "The droplet {droplet} is {droplet_status}. Start it with `doctl compute droplet-action power-on {droplet}`, or in "
    "DigitalOcean's control panel."
)
DROPLET_GONE = (
    "DigitalOcean has no droplet {droplet}. `pulumi up --refresh` creates a new one with the same address and data."
)
WEB_SERVER_SILENT = (
    "Port 22 of the machine answers, so nginx does not run, or port 80 is blocked. `docker ps` on the machine shows "
    "what runs, and `systemctl start auren` starts all of it. `pulumi up --refresh` repairs DigitalOcean's firewall. "
    "If this network blocks port 80, set auren:smokeTest to none."
)
MACHINE_SILENT = (
    "Port 22 does not answer either. `pulumi up --refresh` repairs DigitalOcean's firewall and the assignment of the "
    "address. If that changes nothing, the machine hangs: `doctl compute droplet-action power-cycle {droplet}` "
    "restarts it."
)
ZONE_INACTIVE = (
    "Cloudflare's zone {zone} is {zone_status}, so the internet does not ask it yet. Set the domain's name servers at "
    "its registrar to {name_servers}. Until then, auren:smokeTest can be address."
)
ADVICE = {
    Cause.NO_NETWORK: "Repair the network of the machine that runs this update.",
    Cause.PORT_REFUSED: (
        "The machine is on, and nothing listens on port 80. `docker logs auren-nginx` on the machine says why."
    ),
    Cause.NO_HTTP: "`docker logs auren-nginx` on the machine says what is wrong with nginx.",
    Cause.WEBSITE: (
        "nginx answers, and not with the website. Its log on the machine is /mnt/auren-data/nginx-logs/error.log."
    ),
    Cause.API_SILENT: "nginx answers, and the API behind it does not. `docker logs auren-api` on the machine says why.",
    Cause.API_ERROR: "The API itself answers with an error. `docker logs auren-api` on the machine says why.",
    Cause.TOO_MANY_REQUESTS: (
        "The address of the machine that runs this update has sent too many requests. Wait a minute."
    ),
    Cause.REDIRECT: (
        "The site itself redirects nowhere. Look at the zone's redirect rules and its SSL mode at Cloudflare."
    ),
    Cause.NAME_SERVER: (
        "Check the DNS of the machine that runs this update, or name another name server in auren:nameServer."
    ),
    Cause.NAME_BROKEN: (
        "The domain's name servers or its DNSSEC records at the registrar are wrong. They must be those that "
        "Cloudflare shows for the zone {zone}."
    ),
    Cause.NAME_MISSING: (
        "If somebody deleted the record, `pulumi up --refresh` creates it again. If the record is new, name servers "
        "may remember for {seconds} s that there was none."
    ),
    Cause.NAME_ELSEWHERE: (
        "If somebody changed the record, `pulumi up --refresh` repairs it. If this update changed it, name servers may "
        "keep the old address for {seconds} s."
    ),
    Cause.NAME_STRANGERS: (
        "The zone {zone} has records of this name that this stack did not make. Delete them at Cloudflare."
    ),
    Cause.PROXY_UNREACHABLE: (
        "If these addresses are Cloudflare's, this network blocks port 443. If not, the name leads elsewhere: "
        "`pulumi up --refresh` repairs the record, and name servers may keep the old address for {seconds} s."
    ),
    Cause.CERTIFICATE: (
        "Cloudflare's own certificate covers {zone} and one level below it. It is there within a day after the zone "
        "became active. A deeper name needs an advanced certificate. If the addresses are not Cloudflare's, the name "
        "leads elsewhere."
    ),
    Cause.NOT_PROXIED: (
        "The name does not lead to Cloudflare's proxy. `pulumi up --refresh` repairs the record, and name servers may "
        "keep the old address for {seconds} s."
    ),
    Cause.BLOCKED: (
        "Cloudflare's bot protection or a firewall rule of the zone blocks the machine that runs this update. Allow "
        "its address there, or set auren:smokeTest to address."
    ),
    Cause.SSL_MODE: (
        "Cloudflare asks the machine for TLS, and nginx speaks plain HTTP. Set the SSL mode of the zone {zone} to "
        "Flexible."
    ),
    Cause.ORIGIN_UNREACHABLE: (
        "Cloudflare does not reach the machine, although this machine does. `pulumi up --refresh` repairs the record "
        "and DigitalOcean's firewall."
    ),
    Cause.ZONE_RULES: (
        "The machine itself answers with the website. Look at the rules and the workers of the zone {zone} at "
        "Cloudflare."
    ),
}
"""All causes except UNREACHABLE, whose sentence depends on the droplet's status."""
_NAMES = (Cause.NAME_BROKEN, Cause.NAME_MISSING, Cause.NAME_ELSEWHERE, Cause.CERTIFICATE, Cause.NOT_PROXIED)
"""Causes that an inactive zone may have."""


def sentence(fault: Fault, facts: Facts, waited: float) -> str:
    """The whole message: the request, the answer, the cause and the repair."""
    words = _advice(fault, facts).format(
        droplet=facts.droplet,
        droplet_status=facts.droplet_status,
        zone=facts.zone,
        zone_status=facts.zone_status,
        name_servers=" and ".join(facts.name_servers) or "those that Cloudflare shows",
        seconds=fault.seconds,
    )
    after = f" after {waited:.0f} s" if waited >= 1 else ""
    again = "" if "`pulumi up" in words else " Then run `pulumi up` again."
    return f"The smoke test failed{after}: {fault}. {words}{again}"


def _advice(fault: Fault, facts: Facts) -> str:
    if fault.cause is Cause.UNREACHABLE:
        if facts.droplet_status == GONE:
            return DROPLET_GONE
        if facts.droplet_status in AT_REST:
            return DROPLET_OFF
        return WEB_SERVER_SILENT if facts.ssh_open else MACHINE_SILENT
    if fault.cause in _NAMES and facts.zone_status not in ("", "active"):
        return ZONE_INACTIVE
    return ADVICE[fault.cause]
