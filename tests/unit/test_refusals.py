"""The configurations that are refused: each with all its faults at once, the key, the reason and the mend, and nothing
registered. A new refusal is a row here."""

import json
from pathlib import Path

import pytest

from auren_infra.admission import admit
from auren_infra.services.links import LINKS
from auren_infra.services.model import Link, Protocol
from auren_infra.settings import SettingsError
from tests.unit.configuration import COMPLETE, DIGEST, ED25519, ROOT, engine_values

API = f'["api=registry.auren.test/auren/api:1.0@{DIGEST}", "bridge=registry.auren.test/auren/bridge:1.0@{DIGEST}"'
"""The beginning of a list of images that is in order so far."""
WAIVER = "ssh-open-to-everyone=deployments come from changing addresses"
WRONG = [
    ("domain", "aupex", "write it like aupex.ai"),
    ("domain", "AUPEX.AI", "write it like aupex.ai"),
    ("domain", "https://aupex.ai", "write it like aupex.ai"),
    ("domain", "-a.aupex.ai", "write it like aupex.ai"),
    ("cloudflareZone", "example.org", "aupex.ai is not in it; name the zone that holds auren:domain"),
    ("cloudflareZone", "pex.ai", "aupex.ai is not in it"),
    ("proxied", "yes", "must be true or false"),
    ("proxied", "1", "must be true or false"),
    ("region", "New York", "write it like nyc3"),
    ("region", "nyc", "write it like nyc3"),
    ("dropletSize", "large", "choose one of s-1vcpu-1gb, "),
    ("dropletSize", "S-2VCPU-4GB", "not a size that AUREN knows the capacity of"),
    ("dropletImage", "fedora-40-x64", "not a system that AUREN is made for; choose one of ubuntu-22-04-x64, ubuntu"),
    ("dropletImage", "ubuntu-22-04", "choose one of ubuntu-22-04-x64, "),
    ("sshAllowed", '["198.51.100.1/24"]', "has host bits set; write a network such as 198.51.100.0/24"),
    ("sshAllowed", '["office"]', "write a network such as 198.51.100.0/24, or one address"),
    ("sshAllowed", '["198.51.100.0/33"]', "write a network such as 198.51.100.0/24, or one address"),
    ("sshAllowed", "198.51.100.0/24", "must be a list; write one entry a line"),
    ("kafkaUiAllowed", '["198.51.100.0.0"]', "write a network such as 198.51.100.0/24, or one address"),
    ("operatorKeys", '["AAAAC3NzaC1lZDI1NTE5"]', "take the text of a file such as ~/.ssh/id_ed25519.pub"),
    ("operatorKeys", '["-----BEGIN OPENSSH PRIVATE KEY-----"]', "not a public key line"),
    ("operatorKeys", '["ssh-ed25519 AAAAC3Nz ada\\nssh-ed25519 AAAAC3Nz eve"]', "not a public key line"),
    ("vpcRange", "10.200.0.1/20", "has host bits set"),
    ("vpcRange", "8.8.0.0/20", "a private IPv4 network (RFC 1918) of /16 to /28, such as 10.200.0.0/20"),
    ("vpcRange", "198.51.100.0/24", "a private IPv4 network (RFC 1918) of /16 to /28"),
    ("vpcRange", "169.254.0.0/16", "a private IPv4 network (RFC 1918) of /16 to /28"),
    ("vpcRange", "10.0.0.0/8", "a private IPv4 network (RFC 1918) of /16 to /28"),
    ("vpcRange", "10.200.0.0/29", "a private IPv4 network (RFC 1918) of /16 to /28"),
    ("vpcRange", "fd00::/20", "a private IPv4 network (RFC 1918) of /16 to /28"),
    (
        "vpcRange",
        "172.18.240.0/20",
        "overlaps with 172.18.0.0/16, the containers' network on the machine; choose another",
    ),
    ("vpcRange", "172.17.0.0/20", "overlaps with 172.17.0.0/16, Docker's own bridge on the machine; choose another"),
    ("vpcRange", "172.19.255.240/28", "overlaps with 172.19.0.0/16, Docker's pool for other networks on the machine"),
    ("dataVolumeSize", "0", "greater than or equal to 1"),
    ("dataVolumeSize", "16385", "less than or equal to 16384"),
    ("dataVolumeSize", "40 GB", "must be a whole number, such as 40"),
    ("dataVolumeSize", "1.5", "must be a whole number, such as 40"),
    ("dataVolumeSize", "true", "must be a whole number, such as 40"),
    ("protectData", "no", "must be true or false"),
    ("dockerSource", "snap", "'docker' or 'distribution'"),
    ("dockerVersion", "24.x", "write it like 29.8"),
    ("dockerVersion", "5:24.0.9-1", "write it like 29.8"),
    ("dockerVersion", "latest", "write it like 29.8"),
    ("dockerVersion", "27.5", "is pinned for it; choose one of 29.8.2, 28.5.2, 24.0.9, or add"),
    ("dockerVersion", "29.80", "is pinned for it; choose one of"),
    ("rebootWindow", "4:00", "write it like 04:00"),
    ("rebootWindow", "24:00", "write it like 04:00"),
    ("rebootWindow", "04:00 UTC", "write it like 04:00"),
    ("rebootWindow", "never", "write it like 04:00"),
    ("images", "[]", "api has no public image; add api=REGISTRY/REPOSITORY:TAG"),
    ("images", f'{API}, "mysql=docker.io/library/mysql:8"]', "no service 'mysql'; the services are api, bridge"),
    ("images", f'{API}, "api=registry.auren.test/auren/api:2"]', "api is named twice; keep one"),
    ("images", f'{API}, "redis"]', "'redis' is not SERVICE=REGISTRY/REPOSITORY:TAG[@sha256:DIGEST]"),
    ("images", f'{API}, "redis=redis:7"]', "is not REGISTRY/REPOSITORY:TAG"),
    ("images", f'{API}, "redis=example.org/redis:7@sha256:12"]', "is not REGISTRY/REPOSITORY:TAG"),
    (
        "images",
        f'{API}, "postgres=docker.io/library/postgres:18.1"]',
        "PostgreSQL 18.1 keeps its data in another directory",
    ),
    ("images", f'{API}, "redis=registry.example/redis:7.4.5"]', "no droplet reaches registry.example; name a registry"),
    ("images", '["api=registry.auren.test/auren/api"]', "api: name a tag other than latest, or a digest"),
    ("images", '["api=registry.auren.test/auren/api:latest"]', "api: name a tag other than latest, or a digest"),
    ("images", f'{API}, "websites=registry.auren.test/auren/d:1"]', "zookeeper; website may be named as well"),
    ("builds", '["website=website"]', "website: 'website' has no Dockerfile"),
    ("website", "/nowhere", "there is no such directory; name one relative to the project"),
    ("website", "sandbox", "build the website, or name the directory that it is built into"),
    ("sqlInit", "/nowhere", "there is no such directory"),
    ("sqlInit", "", "contains the whole project"),
    ("website", ".", "contains the whole project"),
    ("sqlInit", "/", "contains the whole project"),
    ("sqlAnonymise", "/nowhere", "there is no such directory"),
    ("sqlAnonymise", str(ROOT / "sql"), "init/10-extensions.sql would never be run; name it *.sql, in the directory"),
    ("realData", "yes", "must be true or false"),
    ("sqlInit", str(ROOT / "sql"), "init/10-extensions.sql would never be run; name it *.sql"),
    ("images", f'{API}, "redis=256.1.1.1:5000/redis:7.4"]', "no droplet reaches 256.1.1.1:5000"),
    ("images", f'{API}, "redis=1.2.3/redis:7.4"]', "no droplet reaches 1.2.3;"),
    ("migration", "alembic\nupgrade", "write it like alembic upgrade head"),
    ("migrationSeconds", "0", "greater than or equal to 1"),
    ("migrationSeconds", "3601", "less than or equal to 3600"),
    ("drainSeconds", "-1", "greater than or equal to 0"),
    ("drainSeconds", "601", "less than or equal to 600"),
    ("watchSeconds", "-1", "greater than or equal to 0"),
    ("watchSeconds", "601", "less than or equal to 600"),
    ("maxUploadMegabytes", "0", "greater than or equal to 1"),
    ("maxUploadMegabytes", "1025", "less than or equal to 1024"),
    ("maxUploadMegabytes", "ten", "must be a whole number, such as 40"),
    ("apiRequestsPerSecond", "0", "greater than or equal to 1"),
    ("apiRequestBurst", "10001", "less than or equal to 10000"),
    ("corsOrigins", '["*"]', "write it like https://app.aupex.ai"),
    ("corsOrigins", '["https://app.aupex.ai/"]', "write it like https://app.aupex.ai"),
    ("corsOrigins", '["https://App.aupex.ai"]', "write it like https://app.aupex.ai"),
    ("corsOrigins", '["https://a.org", "https://a.org"]', "https://a.org is named twice; keep one"),
    ("smokeTest", "full", "'domain', 'address' or 'none'"),
    ("smokeTest", "false", "'domain', 'address' or 'none'"),
    ("nameServer", "dns.example", "not an address; write it like 1.1.1.1, 127.0.0.1:5300 or [2606:4700:4700::1111]:53"),
    ("nameServer", "1.1.1", "not an address"),
    ("nameServer", "1.1.1.1:0", "not an address"),
    ("nameServer", "1.1.1.1:65536", "not an address"),
    ("nameServer", "1.1.1.1 8.8.8.8", "not an address"),
    ("nameServer", "0.0.0.0", "not an address"),
    ("nameServer", "224.0.0.1", "not an address"),
    ("nameServer", "fe80::1%eth0", "not an address"),
    ("nameServer", "[::1]", "not an address"),
    ("users", "0", "greater than or equal to 1"),
    ("users", "1000001", "less than or equal to 1000000"),
    ("users", "many", "must be a whole number, such as 40"),
    ("monthlyLimitUsd", "0", "greater than or equal to 1"),
    ("monthlyLimitUsd", "24.50", "must be a whole number, such as 40"),
    ("waivers", '["inner-service-exposed=nobody will find it"]', "no rule 'inner-service-exposed' can be waived"),
    ("waivers", '["ssh-open-to-everyone"]', "say why in some words, as in `ssh-open-to-everyone=deployments come"),
    ("waivers", '["ssh-open-to-everyone=it works"]', "ssh-open-to-everyone: say why in some words"),
    ("waivers", f'["{WAIVER}", "{WAIVER}"]', "ssh-open-to-everyone is waived twice; keep one"),
    ("waivers", '{"ssh-open-to-everyone": "for a good reason"}', "must be a list; write one entry a line"),
    ("domain", "www.aupex.ai", "www.DOMAIN is created as well; write aupex.ai"),
    ("domain", "aupex..ai", "write it like aupex.ai"),
    ("domain", "aupex.ai.", "write it like aupex.ai"),
    ("domain", "*.aupex.ai", "write it like aupex.ai"),
    ("domain", "m\u00fcnchen.de", "write it like aupex.ai"),
    ("domain", f"{'a' * 60}." * 4 + "aupex.ai", "253 characters at most, and www. comes before this one"),
    ("cloudflareZone", "AUPEX.AI", "write it like aupex.ai"),
    ("dropletImage", "ubuntu-20-04-x64", "choose one of ubuntu-22-04-x64, "),
    ("dropletImage", "ubuntu-25-04-x64", "choose one of ubuntu-22-04-x64, "),
    ("dropletImage", "ubuntu-22.04-x64", "choose one of ubuntu-22-04-x64, "),
    ("sshAllowed", '["2001:db8::/32"]', "names no IPv4 address, and the machine has no IPv6"),
    ("sshAllowed", '["198.51.100.0/255.255.255.0"]', "not in the form that firewalls take; write 198.51.100.0/24"),
    ("sshAllowed", '["198.51.100.7", "2001:DB8::/32"]', "write 2001:db8::/32"),
    ("sshAllowed", '["0.0.0.0"]', "no client can have this address; write 0.0.0.0/0 for everyone"),
    ("sshAllowed", '["127.0.0.1"]', "no client can have this address"),
    ("sshAllowed", '["198.51.100.7", "198.51.100.7/32"]', "198.51.100.7 is named twice; keep one"),
    ("sshAllowed", "[22]", "every entry of the list must be a text in quotes; entry 0 is a number"),
    ("sshAllowed", '["198.51.100.7", 22, true]', "entry 1 is a number, entry 2 is true or false"),
    ("sshAllowed", "[null, {}, []]", "entry 0 is nothing, entry 1 is an object, entry 2 is a list"),
    ("sshAllowed", "{}", "must be a list; write one entry a line"),
    ("sshAllowed", '["192.168.1.10"]', "names private addresses only, which cannot connect to a public address"),
    ("sshAllowed", '["10.0.0.0/8", "172.20.0.0/16", "100.64.0.0/10"]', "names private addresses only"),
    ("sshAllowed", '["10.200.0.0/20"]', "names private addresses only"),
    ("sshAllowed", '["192.168.1.10", "2001:db8::7"]', "names private addresses only"),
    ("sshAllowed", '["203.0.113.7", "fe80::1%eth0"]', "a zone such as %eth0 is valid on one machine only"),
    ("sshAllowed", '["203.0.113.7", "2001:db8::1%1"]', "a zone such as %eth0 is valid on one machine only"),
    ("sshAllowed", '["203.0.113.7", "fe80::1"]', "no client can have this address"),
    ("sshAllowed", '["203.0.113.7", "fd00::/8"]', "no client can have this address"),
    ("sshAllowed", '["203.0.113.7", "::ffff:198.51.100.7"]', "an IPv4 address in IPv6 notation; write 198.51.100.7/32"),
    ("sshAllowed", '["203.0.113.7", "169.254.169.254"]', "no client can have this address"),
    ("sshAllowed", '["203.0.113.7", "240.0.0.0/4"]', "no client can have this address"),
    ("sshAllowed", '["203.0.113.7", "224.0.0.0/3"]', "no client can have this address"),
    ("sshAllowed", '["203.0.113.7", "255.255.255.255"]', "no client can have this address"),
    ("sshAllowed", '["203.0.113.7", "0.0.0.0/8"]', "no client can have this address"),
    (
        "sshAllowed",
        '["203.0.113.7", "172.18.0.10"]',
        "that is the containers' network on the machine; name clients outside",
    ),
    ("sshAllowed", '["203.0.113.7", "172.17.0.0/16"]', "that is Docker's own bridge on the machine"),
    ("kafkaUiAllowed", '["172.19.4.0/24"]', "that is Docker's pool for other networks on the machine"),
    (
        "kafkaUiAllowed",
        '["192.168.1.10"]',
        "name public IPv4 addresses, the VPC's range 10.200.0.0/20, or no client ([])",
    ),
    ("kafkaUiAllowed", '["10.201.0.0/20"]', "names no client that can connect to the machine"),
    ("kafkaUiAllowed", '["2001:db8::/32"]', "names no client that can connect to the machine"),
    (
        "sshAllowed",
        json.dumps([f"10.0.{n // 256}.{n % 256}" for n in range(1001)]),
        "a firewall rule takes 1000 at most; name",
    ),
    ("kafkaUiAllowed", '["224.0.0.0/4"]', "no client can have this address"),
    ("operatorKeys", json.dumps([ED25519[:60]]), "cut off or damaged; copy the whole line"),
    ("operatorKeys", json.dumps([ED25519.replace("AAAAC3", "AAAAC4")]), "cut off or damaged"),
    ("operatorKeys", json.dumps([ED25519.replace("ssh-ed25519", "ssh-rsa")]), "cut off or damaged"),
    ("operatorKeys", json.dumps([f'from="10.0.0.1" {ED25519}']), "not a public key line"),
    ("operatorKeys", json.dumps(["ssh-dss AAAAB3NzaC1kc3M= ada"]), "not a public key line"),
    ("operatorKeys", json.dumps([ED25519, ED25519]), "is named twice; keep one"),
    ("deployKey", "AAAAC3NzaC1lZDI1NTE5", "take the text of a file such as ~/.ssh/id_ed25519.pub"),
    ("deployKey", "-----BEGIN OPENSSH PRIVATE KEY-----", "not a public key line"),
    ("deployKey", ED25519[:60], "cut off or damaged; copy the whole line"),
    ("deployKey", json.dumps([ED25519]), "not a public key line"),
    ("vpcRange", "10.244.0.0/20", "overlaps with 10.244.0.0/16, which DigitalOcean reserves"),
    ("vpcRange", "10.17.16.0/20", "overlaps with 10.17.0.0/16, which DigitalOcean reserves"),
    ("vpcRange", "10.200.0.0", "a private IPv4 network (RFC 1918) of /16 to /28"),
    ("dataVolumeSize", "1e2", "must be a whole number, such as 40"),
    ("dataVolumeSize", '"40"', "must be a whole number, such as 40"),
    ("dataVolumeSize", "null", "must be a whole number, such as 40"),
    ("protectData", '"true"', "must be true or false"),
    ("dockerVersion", "19.03", "write it like 29.8"),
    ("dockerVersion", "19", "write it like 29.8"),
    (
        "dockerVersion",
        "20.10",
        "no set of packages of Docker's own repository is pinned for it; choose one of 29.8.2, 28.5.2, 24.0.9",
    ),
    ("dockerVersion", "24.1", "choose one of 29.8.2, 28.5.2, 24.0.9"),
    ("dockerVersion", "24.0.10", "choose one of 29.8.2, 28.5.2, 24.0.9"),
    ("dockerVersion", "30", "or add the set to auren_infra/settings/docker.py"),
    ("dockerVersion", "24.0.9.1", "write it like 29.8"),
    ("dockerVersion", "\u0662\u0664.0", "write it like 29.8"),
    ("images", f'{API}, "redis=docker.io/library/Redis:7"]', "is not REGISTRY/REPOSITORY:TAG"),
    ("images", f'{API}, "redis=docker.io/library/redis:n\u00e4h"]', "is not REGISTRY/REPOSITORY:TAG"),
    ("images", f'{API}, "redis=docker.io/-library/redis:7"]', "is not REGISTRY/REPOSITORY:TAG"),
    ("images", f'{API}, "redis=docker.io:99999/redis:7"]', "is not REGISTRY/REPOSITORY:TAG"),
    ("images", f'{API}, "=docker.io/library/redis:7"]', "is not SERVICE=REGISTRY/REPOSITORY:TAG"),
    ("images", f'{API}, "redis=docker.io/{"a" * 300}/redis:7"]', "is not REGISTRY/REPOSITORY:TAG"),
    ("builds", '["api=/nowhere"]', "has no Dockerfile; name the directory"),
    ("builds", json.dumps([f"api={'a' * 5000}"]), "has no Dockerfile; name the directory"),
    ("website", "a" * 5000, "cannot be read (File name too long); name a directory that can"),
    ("website", "\0", "there is no such directory"),
    ("corsOrigins", '["https://app.aupex.ai:70000"]', "write it like https://app.aupex.ai"),
    ("corsOrigins", '["https://app.aupex.ai:443"]', "a browser leaves out the scheme's own port; write https://app"),
    ("corsOrigins", '["https://app..ai"]', "write it like https://app.aupex.ai"),
    ("apiRequestsPerSecond", "100001", "less than or equal to 100000"),
    ("monthlyLimitUsd", "100001", "less than or equal to 100000"),
    ("dropletsize", "s-2vcpu-4gb", "no such setting; the settings are name, domain, cloudflareZone"),
    ("name", "Auren-Prod", "a droplet and a volume have this name: lower-case letters, digits and dashes, 63 at most"),
    ("name", "auren_prod", "lower-case letters, digits and dashes, 63 at most"),
    ("name", "1auren", "lower-case letters, digits and dashes, 63 at most"),
    ("name", "a", "lower-case letters, digits and dashes, 63 at most"),
    ("name", "auren-", "lower-case letters, digits and dashes, 63 at most"),
    ("name", "a" * 64, "lower-case letters, digits and dashes, 63 at most"),
]


def _refusal(values: dict[str, str], stack: str = "prod", links: tuple[Link, ...] = LINKS) -> str:
    with pytest.raises(SettingsError) as refusal:
        admit(stack, engine_values(values), links=links)
    return str(refusal.value)


@pytest.mark.parametrize(("name", "value", "reason"), WRONG, ids=lambda text: text[:40])
def test_a_wrong_value_is_named_with_its_key_the_reason_and_the_mend(name: str, value: str, reason: str) -> None:
    said = _refusal({**COMPLETE, name: value})
    assert said.startswith("The configuration has 1 fault; nothing was touched.\n")
    (line,) = [line for line in said.splitlines() if line.startswith("  ")]
    assert line.startswith((f"  auren:{name}:", f"  auren:{name}["))
    assert reason in line
    assert said.splitlines()[-1] == (
        "Change a value with `pulumi config set KEY VALUE`, an entry of a list with "
        "`pulumi config set --path 'KEY[0]' VALUE`, or edit Pulumi.STACK.yaml."
    )


@pytest.mark.parametrize("name", ["sshAllowed", "kafkaUiAllowed"])
def test_who_may_reach_a_port_is_never_assumed(name: str) -> None:
    """The engine hands over the empty default of Pulumi.yaml for a key that nobody set."""
    for values in ({key: value for key, value in COMPLETE.items() if key != name}, {**COMPLETE, name: ""}):
        said = _refusal(values)
        assert f"  auren:{name}: is required and has no default" in said
        assert "has 1 fault;" in said


@pytest.mark.parametrize(
    ("changes", "there_is"),
    [
        ({"dropletImage": "debian-13-x64"}, "29.8.2 and 28.5.2. "),
        ({"dropletImage": "ubuntu-24-04-x64"}, "29.8.2 and 28.5.2. "),
        ({"dropletImage": "ubuntu-26-04-x64", "dockerVersion": "28.5"}, "29.8.2. "),
        ({"dockerSource": "distribution"}, "29.1.3. "),
        (
            {"dockerSource": "distribution", "dropletImage": "ubuntu-24-04-x64", "dockerVersion": "26.1"},
            "29.1.3 and 24.0.7",
        ),
        (
            {"dockerSource": "distribution", "dropletImage": "debian-13-x64", "dockerVersion": "26.0"},
            "28.5.2 and 26.1.5",
        ),
        (
            {"dockerSource": "distribution", "dropletImage": "debian-12-x64", "dockerVersion": "24"},
            "none that can be used",
        ),
    ],
)
def test_a_docker_that_the_system_cannot_have_is_refused_with_what_it_has(
    changes: dict[str, str], there_is: str
) -> None:
    """Such a droplet was made, and its first update failed on it."""
    said = _refusal({**COMPLETE, "dockerVersion": "24.0", **changes})
    (line,) = [line for line in said.splitlines() if line.startswith("  ")]
    assert line.startswith("  auren:dockerVersion: ")
    assert f"there is {there_is}" in line
    assert "Change it, auren:dockerSource or auren:dropletImage" in line


def test_a_default_that_does_not_fit_is_named_by_its_key() -> None:
    """The message named auren:cloudflare_zone, which is no setting."""
    said = _refusal({**COMPLETE, "domain": "example.org"})
    assert "  auren:cloudflareZone: example.org is not in it" in said
    assert "has 1 fault;" in said


def test_all_faults_are_told_at_once() -> None:
    said = _refusal(
        {
            "domain": "aupex",
            "proxied": "maybe",
            "region": "mars",
            "sshAllowed": '["198.51.100.0/24", "home", "198.51.100.9/8"]',
            "images": '["redis=redis", "mysql=example.org/mysql:8"]',
            "website": "/nowhere",
            "colour": "blue",
        }
    )
    lines = said.splitlines()
    assert lines[0] == "The configuration has 9 faults; nothing was touched."
    keys = [line.split(": ")[0].strip() for line in lines[1:-1]]
    assert sorted(keys) == sorted(
        [
            "auren:domain",
            "auren:proxied",
            "auren:region",
            "auren:sshAllowed[1]",
            "auren:sshAllowed[2]",
            "auren:kafkaUiAllowed",
            "auren:images",
            "auren:website",
            "auren:colour",
        ]
    )
    (images,) = [line for line in lines if "auren:images" in line]
    assert all(
        reason in images for reason in ("redis: 'redis' is not", "no service 'mysql'", "api has no public image")
    )


def test_settings_services_and_capacity_are_told_together() -> None:
    """Whoever mends the region must not meet the droplet's memory next, and the broken link after that."""
    broken = (*LINKS, Link("api", "mysql", 3306, Protocol.TCP, "a trial"))
    said = _refusal({**COMPLETE, "region": "mars", "dropletSize": "s-1vcpu-1gb", "images": "[]"}, "Prod_1", broken)
    assert said.startswith("The configuration has 5 faults; nothing was touched.\n")
    for part in (
        "  auren:region: ",
        "  auren:images: ",
        "  auren:name: a droplet and a volume have this name: lower-case letters, digits and dashes, 63 at most",
        "  auren_infra/services/links.py: api to mysql: there is no service 'mysql'",
        "  auren:dropletSize: the services do not fit s-1vcpu-1gb\n    memory, in MB:\n",
    ):
        assert said.count(part) == 1, part


def test_a_size_that_nobody_knows_is_not_judged_for_its_memory() -> None:
    said = _refusal({**COMPLETE, "dropletSize": "huge"})
    assert said.count("auren:dropletSize") == 1


@pytest.mark.parametrize("stack", ["Prod", "prod_1", "prod.eu", "prod-", "p" * 58, ""])
def test_a_stack_whose_droplet_and_volume_could_not_be_named_after_it_needs_a_name(stack: str) -> None:
    said = _refusal(COMPLETE, stack)
    assert "  auren:name: a droplet and a volume have this name: " in said
    assert f"(it is 'auren-{stack}')" in said
    assert admit(stack, engine_values({**COMPLETE, "name": "auren-prod"})).settings.name == "auren-prod"


def test_everything_is_named_after_the_stack_unless_somebody_names_it() -> None:
    assert admit("p" * 57, engine_values(COMPLETE)).settings.name == f"auren-{'p' * 57}"
    assert admit("prod", engine_values({**COMPLETE, "name": ""})).settings.name == "auren-prod"


def test_a_directory_that_is_too_large_for_the_state_is_refused(tmp_path: Path) -> None:
    (tmp_path / "index.html").touch()
    with (tmp_path / "film").open("wb") as film:
        film.truncate(17 * 2**20)
    said = _refusal({**COMPLETE, "website": str(tmp_path)})
    assert "its files have 17.0 MB, and 16 MB is the most; name a directory that holds only what is needed" in said
    assert "film (17.0 MB), index.html (0.0 MB)" in said


def test_what_is_not_sent_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "index.html").touch()
    (tmp_path / ".git").mkdir()
    with (tmp_path / ".git/pack").open("wb") as pack:
        pack.truncate(17 * 2**20)
    assert admit("prod", engine_values({**COMPLETE, "website": str(tmp_path)}))


@pytest.mark.parametrize("name", ["website", "sqlInit"])
def test_all_faults_of_a_directory_are_told_at_once(tmp_path: Path, name: str) -> None:
    (tmp_path / "a\tb").touch()
    (tmp_path / "hosts").symlink_to("/etc/hosts")
    with (tmp_path / "film").open("wb") as film:
        film.truncate(17 * 2**20)
    said = _refusal({**COMPLETE, name: str(tmp_path), "region": "mars"})
    assert said.startswith("The configuration has 2 faults; nothing was touched.\n")
    (first,) = [line for line in said.splitlines() if line.startswith(f"  auren:{name}: ")]
    assert "the directory has " in first
    assert first.endswith(f" faults (it is {str(tmp_path)!r})")
    told = [
        "its files have 17.0 MB",
        "'a\\tb' has a character in its name that cannot be printed; rename it",
        "hosts is a symbolic link to '/etc/hosts', which is outside of the directory; put a copy in its place",
        "the directory has no index.html; build the website" if name == "website" else "film would never be run",
    ]
    lines = [line.strip() for line in said.splitlines() if line.startswith("    ")]
    assert len(lines) == len(told)
    assert all(any(line.startswith(fault) for line in lines) for fault in told)


def test_many_faults_of_a_directory_are_counted(tmp_path: Path) -> None:
    (tmp_path / "index.html").touch()
    for number in range(1500):
        (tmp_path / f"{number}.js").symlink_to("nowhere")
    said = _refusal({**COMPLETE, "website": str(tmp_path)})
    assert "the directory has 1,500 faults" in said
    assert "and 1,480 more" in said
    assert len(said.splitlines()) < 30


def test_a_long_value_is_not_repeated_in_full() -> None:
    assert len(_refusal({**COMPLETE, "region": "x" * 100_000})) < 1000
