"""Refusals of the clouds that an operator can repair, as data: the API's answer, and the repair.

The answers are from the APIs' documentation, from issues of their clients, and from the clients' own tests. The exact
words of a refusal about billing or verification are not public: the examples for it are made up, and the expression
looks for likely words. The first row whose expression matches is used. So a specific row stands before a general one.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """A refusal, in the words of the API."""

    status: int
    message: str
    code: int = 0
    """Cloudflare's error code. DigitalOcean has none: 0."""

    def __str__(self) -> str:
        return f"{self.status}, code {self.code}, {self.message}" if self.code else f"{self.status} {self.message}"


@dataclass(frozen=True)
class Refusal:
    cloud: str
    """The resources' package."""
    found: str
    """A regular expression, searched in the error of the plugin."""
    sentence: str
    """The repair. `{name}` stands for the name of the resource."""
    answers: tuple[Answer, ...]
    """Examples, for the documentation and the tests."""


_DIGITALOCEAN = (
    Refusal(
        "digitalocean",
        r": 401\b",
        "DigitalOcean does not know this token: set DIGITALOCEAN_TOKEN to one that is neither revoked nor expired.",
        (Answer(401, "Unable to authenticate you"),),
    ),
    Refusal(
        "digitalocean",
        r": 429\b",
        "DigitalOcean accepts no more requests for now: wait for an hour at most, then `pulumi up`.",
        (Answer(429, "API Rate limit exceeded."), Answer(429, "Too many requests")),
    ),
    Refusal(
        "digitalocean",
        r"(?i)payment|billing|past due|account is (currently )?(locked|inactive|suspended)|verify your|not verified",
        "The DigitalOcean account may create nothing for now: check its billing and verification in the control panel.",
        (
            Answer(402, "A payment method is required before you can create resources."),
            Answer(403, "This account is currently locked. Please contact support."),
            Answer(403, "Please verify your email address first."),
        ),
    ),
    Refusal(
        "digitalocean",
        r"droplet limit",
        "The DigitalOcean account may have no more droplets: delete one, or ask DigitalOcean for a higher limit.",
        (Answer(422, "creating this/these droplet(s) will exceed your droplet limit"),),
    ),
    Refusal(
        "digitalocean",
        r"(?i)limit (was |has been )?(exceeded|reached)|exceed your .*limit|attach more volumes",
        "The DigitalOcean account may have no more of this kind: delete one, or ask DigitalOcean for a higher limit.",
        (
            Answer(403, "volume limit exceeded: capacity limit exceeded"),
            Answer(422, "reserved IP limit exceeded"),
            Answer(422, "This will exceed your snapshot limit."),
            Answer(422, "cannot attach more volumes to the Droplet"),
        ),
    ),
    Refusal(
        "digitalocean",
        r"Can ?not delete default VPC",
        "The VPC {name} is its region's default: make another one the default in the control panel, then `pulumi up`.",
        (Answer(403, "Can not delete default VPCs"),),
    ),
    Refusal(
        "digitalocean",
        r"VPC with members",
        "The VPC {name} has members that this stack did not create: move or delete them, then `pulumi up`.",
        (Answer(403, "Can not delete VPC with members"),),
    ),
    Refusal(
        "digitalocean",
        r"(?i): 403\b.*(permission|access|authorized|scope)",
        "The DigitalOcean token may not do this: give DIGITALOCEAN_TOKEN read and write, or full access.",
        (
            Answer(403, "you do not have access for the attempted action"),
            Answer(403, "You are missing the required permission droplet:create"),
            Answer(403, "You are not authorized to perform this operation"),
        ),
    ),
    Refusal(
        "digitalocean",
        r"(?i)smaller disk|decrease size of droplet's disk|smaller than the droplet's original",
        "A disk cannot become smaller, and that size has a smaller one: choose a larger auren:dropletSize.",
        (
            Answer(422, "This size is not available because it has a smaller disk."),
            Answer(422, "Size can not decrease size of Droplet's disk image"),
            Answer(422, "Cannot create a droplet with a smaller disk than the image."),
        ),
    ),
    Refusal(
        "digitalocean",
        r"too large to fit on your droplet's server",
        "The droplet's host has no room for that size: try later, or replace the droplet with `pulumi up --replace`.",
        (Answer(422, "Size is too large to fit on your droplet's server"),),
    ),
    Refusal(
        "digitalocean",
        r"(?i)size is (currently )?restricted|size.*contact support",
        "The account may not have that size: choose another auren:dropletSize, or ask DigitalOcean's support for it.",
        (Answer(422, "This size is currently restricted"),),
    ),
    Refusal(
        "digitalocean",
        r"(?i)size is not available|invalid size|size .*not available in this region",
        "This region has no such droplet: choose another auren:dropletSize, or another auren:region.",
        (
            Answer(422, "Size is not available in this region."),
            Answer(422, "You specified an invalid size for Droplet resize."),
        ),
    ),
    Refusal(
        "digitalocean",
        r"(?i)storage is not supported|region restriction|not support (block )?storage|volumes are not available",
        "This region, or the host that the droplet is on, has no volumes: choose another auren:region.",
        (
            Answer(422, "Storage is not supported for this region"),
            Answer(422, "Droplet can't attach volumes due to a region restriction"),
        ),
    ),
    Refusal(
        "digitalocean",
        r"(?i)invalid region|region is (currently )?(not available|unavailable|disabled)|[a-z]{3}[0-9] is unavailable",
        "DigitalOcean has no such region, or creates nothing new there: choose another auren:region, such as nyc3.",
        (
            Answer(422, "You specified an invalid region for Droplet creation."),
            Answer(422, "Region is not available"),
            Answer(422, "nyc2 is unavailable."),
        ),
    ),
    Refusal(
        "digitalocean",
        r"(?i)invalid image|image (you specified )?is not available",
        "DigitalOcean has no such image: choose another auren:dropletImage, such as ubuntu-22-04-x64.",
        (
            Answer(422, "You specified an invalid image for Droplet creation."),
            Answer(422, "The image you specified is not available in the selected region"),
        ),
    ),
    Refusal(
        "digitalocean",
        r"range/size overlaps|reserved by DigitalOcean",
        "Another VPC of the account, or DigitalOcean itself, has these addresses: choose another auren:vpcRange.",
        (
            Answer(422, "This range/size overlaps with another VPC network in your account: theirs 10.200.0.0/20."),
            Answer(422, "This range/size overlaps with a range that is reserved by DigitalOcean."),
        ),
    ),
    Refusal(
        "digitalocean",
        r"(?i)volumes? can ?not be shrunk|size must be (greater|larger)",
        "The volume {name} has that size already, or a larger one, as after an update that was cut: "
        "`pulumi up --refresh` reads it.",
        (Answer(422, "new volume size must be greater than the current size: volumes can not be shrunk"),),
    ),
    Refusal(
        "digitalocean",
        r"already attached",
        "The volume is attached to another droplet: detach it from there in the control panel, then `pulumi up`.",
        (Answer(422, "This volume is already attached"),),
    ),
    Refusal(
        "digitalocean",
        r"[Pp]lease detach it first",
        "The volume {name} is attached to a droplet: detach it in the control panel, then `pulumi up`.",
        (
            Answer(
                409, "A volume that's attached to a Droplet cannot be deleted. Please detach it first before deleting."
            ),
        ),
    ),
    Refusal(
        "digitalocean",
        r"(?i)already has a (reserved|floating) ip",
        "Another reserved IP is assigned to the droplet: unassign it in the control panel, then `pulumi up`.",
        (Answer(422, "The Droplet already has a reserved IP"),),
    ),
    Refusal(
        "digitalocean",
        r"SSH Key is already in use",
        "The account has this public key already: delete the key as `python -m auren_infra leftovers` says, "
        "or set another auren:deployKey, then `pulumi up`.",
        (Answer(422, "SSH Key is already in use on your account"),),
    ),
    Refusal(
        "digitalocean",
        r"already exists|duplicate name|already in use",
        "The account has another resource named {name} that this stack does not know: "
        "delete it as `python -m auren_infra leftovers` says, or rename it, then `pulumi up`.",
        (
            Answer(409, "already exists"),
            Answer(409, "duplicate name"),
        ),
    ),
    Refusal(
        "digitalocean",
        r"(?i)pending event|droplet is (currently )?locked",
        "The droplet runs an action that this update did not start: wait for its end, then `pulumi up`.",
        (Answer(422, "Droplet already has a pending event."),),
    ),
    Refusal(
        "digitalocean",
        r"(?i)invalid key identifiers|tag .* does not exist|: 404\b.*could not be found",
        "Somebody deleted a resource that this one needs: `pulumi up --refresh` creates it again.",
        (
            Answer(404, "The resource you were accessing could not be found."),
            Answer(422, "512189 are invalid key identifiers for Droplet creation."),
            Answer(422, "tag auren-prod does not exist"),
        ),
    ),
)

_CLOUDFLARE = (
    Refusal(
        "cloudflare",
        r"(?i)from location",
        "The Cloudflare token is for certain addresses only: add this machine's public one to its client IP addresses.",
        (Answer(403, "Cannot use the access token from location: 203.0.113.7", 9109),),
    ),
    Refusal(
        "cloudflare",
        r"(?i)verify your email|email.* not verified",
        "The Cloudflare account's email address is not verified: follow the link in Cloudflare's mail.",
        (Answer(403, "Please verify your email address to continue."),),
    ),
    Refusal(
        "cloudflare",
        r": 429\b|code\W{1,4}(971|10429)\b",
        "Cloudflare accepts no more requests for now: wait five minutes, then `pulumi up`.",
        (Answer(429, "Please wait and consider throttling your request speed", 971),),
    ),
    Refusal(
        "cloudflare",
        r"code\W{1,4}9109\b.*Unauthorized to access",  # before the row of an unknown token, which has the same code
        "The Cloudflare token may not do this: give it Zone:Read and DNS:Edit for the zone.",
        (Answer(403, "Unauthorized to access requested resource", 9109),),
    ),
    Refusal(
        "cloudflare",
        r"code\W{1,4}(1000|6003|6111|9103|9106|9109)\b|: 401\b",
        "Cloudflare does not know this token: set CLOUDFLARE_API_TOKEN to one that is neither revoked nor expired.",
        (
            Answer(403, "Invalid access token", 9109),
            Answer(401, "Invalid API Token", 1000),
            Answer(400, "Invalid request headers", 6003),
        ),
    ),
    Refusal(
        "cloudflare",
        r": 403\b|code\W{1,4}10000\b",
        "The Cloudflare token may not do this: give it Zone:Read and DNS:Edit for the zone.",
        (Answer(403, "Authentication error", 10000),),
    ),
    Refusal(
        "cloudflare",
        r"code\W{1,4}8105[346-8]\b",
        "The zone has a record named {name} that this stack does not know: delete it at Cloudflare, then `pulumi up`.",
        (
            Answer(400, "A CNAME record with that host already exists.", 81054),
            Answer(400, "An identical record already exists.", 81058),
        ),
    ),
    Refusal(
        "cloudflare",
        r"(?i)code\W{1,4}81045\b|record quota",
        "The zone may have no more records: delete one at Cloudflare, or take a larger plan for the zone.",
        (Answer(400, "Record quota exceeded.", 81045),),
    ),
    Refusal(
        "cloudflare",
        r"code\W{1,4}81044\b",
        "Somebody deleted the record {name} at Cloudflare: `pulumi up --refresh` creates it again.",
        (Answer(404, "Record does not exist.", 81044),),
    ),
    Refusal(
        "cloudflare",
        r"(?i)cannot be proxied|not allowed for a proxied record|code\W{1,4}9004\b",
        "Cloudflare does not proxy this record: set auren:proxied to false.",
        (Answer(400, "This record type cannot be proxied.", 9004),),
    ),
    Refusal(
        "cloudflare",
        r"code\W{1,4}(7003|1001)\b",
        "The zone is gone from the account: add it again, or change auren:cloudflareZone.",
        (Answer(400, "Could not route to /zones/…, perhaps your object identifier is invalid?", 7003),),
    ),
)

REFUSALS = _DIGITALOCEAN + _CLOUDFLARE
