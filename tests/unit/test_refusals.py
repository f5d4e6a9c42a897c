"""The configurations that are refused: each with all its faults at once, the key, the reason and the mend, and nothing
registered. A new refusal is a row here."""

import json
from pathlib import Path

import pytest

from auren_infra.admission import admit
from auren_infra.services import links
from auren_infra.services.model import Link, Protocol
from auren_infra.settings import SettingsError
from tests.unit.configuration import COMPLETE, DIGEST, ED25519, engine_values

API = f'["api=registry.example/auren/api:1.0@{DIGEST}", "bridge=registry.example/auren/bridge:1.0@{DIGEST}"'
"""The beginning of a list of images that is in order so far."""
WAIVER = "ssh-open-to-everyone=deployments come from changing addresses"
WRONG = [
    ("domain", "aupex", "write it like aupex.ai"),
    ("domain", "AUPEX.AI", "write it like aupex.ai"),
    ("domain", "https://aupex.ai", "write it like aupex.ai"),
    ("domain", "-a.aupex.ai", "write it like aupex.ai"),
    ("cloudflareZone", "example.org", "aupex.ai is not in it; name the zone that holds auren:domain"),
    ("cloudflareZone", "pex.ai", "aupex.ai is not in it"),
    ("proxied", "yes", "valid boolean"),
    ("proxied", "1", "valid boolean"),
    ("region", "New York", "write it like nyc3"),
    ("region", "nyc", "write it like nyc3"),
    ("dropletSize", "large", "choose one of s-1vcpu-1gb, "),
    ("dropletSize", "S-2VCPU-4GB", "not a size that AUREN knows the capacity of"),
    ("dropletImage", "fedora-40-x64", "write it like ubuntu-22-04-x64"),
    ("dropletImage", "ubuntu-22-04", "write it like ubuntu-22-04-x64"),
    ("sshAllowed", "[]", "names nobody; name at least the address"),
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
    ("vpcRange", "172.18.240.0/20", "overlaps with the containers' network 172.18.0.0/16; choose another"),
    ("dataVolumeSize", "0", "greater than or equal to 1"),
    ("dataVolumeSize", "16385", "less than or equal to 16384"),
    ("dataVolumeSize", "40 GB", "valid integer"),
    ("dataVolumeSize", "1.5", "valid integer"),
    ("dataVolumeSize", "true", "valid integer"),
    ("protectData", "no", "valid boolean"),
    ("dockerSource", "snap", "'docker' or 'distribution'"),
    ("dockerVersion", "24.x", "write it like 24.0"),
    ("dockerVersion", "5:24.0.9-1", "write it like 24.0"),
    ("dockerVersion", "latest", "write it like 24.0"),
    ("images", "[]", "api has no public image; add api=REGISTRY/REPOSITORY:TAG"),
    ("images", f'{API}, "mysql=docker.io/library/mysql:8"]', "no service 'mysql'; the services are api, bridge"),
    ("images", f'{API}, "api=registry.example/auren/api:2"]', "api is named twice; keep one"),
    ("images", f'{API}, "redis"]', "'redis' is not SERVICE=REGISTRY/REPOSITORY:TAG[@sha256:DIGEST]"),
    ("images", f'{API}, "redis=redis:7"]', "is not REGISTRY/REPOSITORY:TAG"),
    ("images", f'{API}, "redis=example.org/redis:7@sha256:12"]', "is not REGISTRY/REPOSITORY:TAG"),
    ("images", '["api=registry.example/auren/api"]', "api: name a tag other than latest, or a digest"),
    ("images", '["api=registry.example/auren/api:latest"]', "api: name a tag other than latest, or a digest"),
    ("website", "/nowhere", "there is no such directory; name one relative to the project"),
    ("website", "sandbox", "build the website, or name the directory that it is built into"),
    ("sqlInit", "/nowhere", "there is no such directory"),
    ("maxUploadMegabytes", "0", "greater than or equal to 1"),
    ("maxUploadMegabytes", "1025", "less than or equal to 1024"),
    ("maxUploadMegabytes", "ten", "valid integer"),
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
    ("users", "many", "valid integer"),
    ("monthlyLimitUsd", "0", "greater than or equal to 1"),
    ("monthlyLimitUsd", "24.50", "valid integer"),
    ("waivers", '["inner-service-exposed=nobody will find it"]', "no rule 'inner-service-exposed' can be waived"),
    ("waivers", '["ssh-open-to-everyone"]', "say why in some words, as in `ssh-open-to-everyone=deployments come"),
    ("waivers", '["ssh-open-to-everyone=it works"]', "ssh-open-to-everyone: say why in some words"),
    ("waivers", f'["{WAIVER}", "{WAIVER}"]', "ssh-open-to-everyone is waived twice; keep one"),
    ("waivers", '{"ssh-open-to-everyone": "for a good reason"}', "must be a list; write one entry a line"),
    ("domain", "www.aupex.ai", "www.DOMAIN is made as well; write aupex.ai"),
    ("domain", "aupex..ai", "write it like aupex.ai"),
    ("domain", "aupex.ai.", "write it like aupex.ai"),
    ("domain", "*.aupex.ai", "write it like aupex.ai"),
    ("domain", "m\u00fcnchen.de", "write it like aupex.ai"),
    ("domain", f"{'a' * 60}." * 4 + "aupex.ai", "253 characters at most, and www. comes before this one"),
    ("cloudflareZone", "AUPEX.AI", "write it like aupex.ai"),
    ("dropletImage", "ubuntu---x64", "write it like ubuntu-22-04-x64"),
    ("dropletImage", "ubuntu-22.04-x64", "write it like ubuntu-22-04-x64"),
    ("sshAllowed", '["2001:db8::/32"]', "names no IPv4 address, and a machine has no other"),
    ("sshAllowed", '["198.51.100.0/255.255.255.0"]', "not in the form that firewalls take; write 198.51.100.0/24"),
    ("sshAllowed", '["198.51.100.7", "2001:DB8::/32"]', "write 2001:db8::/32"),
    ("sshAllowed", '["0.0.0.0"]', "nobody comes from there; everyone is 0.0.0.0/0"),
    ("sshAllowed", '["127.0.0.1"]', "nobody comes from there"),
    ("sshAllowed", '["198.51.100.7", "198.51.100.7/32"]', "198.51.100.7 is named twice; keep one"),
    ("sshAllowed", "[22]", "must be a list; write one entry a line"),
    ("sshAllowed", json.dumps([f"10.0.{n // 256}.{n % 256}" for n in range(1001)]), "a firewall takes 1000; name"),
    ("kafkaUiAllowed", '["224.0.0.0/4"]', "nobody comes from there"),
    ("operatorKeys", json.dumps([ED25519[:60]]), "cut off or damaged; copy the whole line"),
    ("operatorKeys", json.dumps([ED25519.replace("AAAAC3", "AAAAC4")]), "cut off or damaged"),
    ("operatorKeys", json.dumps([ED25519.replace("ssh-ed25519", "ssh-rsa")]), "cut off or damaged"),
    ("operatorKeys", json.dumps([f'from="10.0.0.1" {ED25519}']), "not a public key line"),
    ("operatorKeys", json.dumps(["ssh-dss AAAAB3NzaC1kc3M= ada"]), "not a public key line"),
    ("operatorKeys", json.dumps([ED25519, ED25519]), "is named twice; keep one"),
    ("vpcRange", "10.244.0.0/20", "overlaps with 10.244.0.0/16, which DigitalOcean keeps for itself"),
    ("vpcRange", "10.17.16.0/20", "overlaps with 10.17.0.0/16, which DigitalOcean keeps for itself"),
    ("vpcRange", "10.200.0.0", "a private IPv4 network (RFC 1918) of /16 to /28"),
    ("dataVolumeSize", "1e2", "valid integer"),
    ("dataVolumeSize", '"40"', "valid integer"),
    ("dataVolumeSize", "null", "valid integer"),
    ("protectData", '"true"', "valid boolean"),
    ("dockerVersion", "19.03", "write it like 24.0"),
    ("dockerVersion", "24.0.9.1", "write it like 24.0"),
    ("dockerVersion", "\u0662\u0664.0", "write it like 24.0"),
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
    ("dropletsize", "s-2vcpu-4gb", "no such setting; the settings are domain, cloudflareZone"),
]


def _refusal(values: dict[str, str], stack: str = "prod") -> str:
    with pytest.raises(SettingsError) as refusal:
        admit(stack, engine_values(values))
    return str(refusal.value)


@pytest.mark.parametrize(("name", "value", "reason"), WRONG, ids=lambda text: text[:40])
def test_a_wrong_value_is_named_with_its_key_the_reason_and_the_mend(name: str, value: str, reason: str) -> None:
    said = _refusal({**COMPLETE, name: value})
    assert said.startswith("The configuration has 1 fault; nothing was touched.\n")
    (line,) = [line for line in said.splitlines() if line.startswith("  ")]
    assert line.startswith((f"  auren:{name}:", f"  auren:{name}["))
    assert reason in line
    assert said.endswith("Change a value with `pulumi config set KEY VALUE`, or in the stack's Pulumi.STACK.yaml.")


@pytest.mark.parametrize("name", ["sshAllowed", "kafkaUiAllowed"])
def test_who_may_reach_a_port_is_never_assumed(name: str) -> None:
    said = _refusal({key: value for key, value in COMPLETE.items() if key != name})
    assert f"  auren:{name}: is required and has no default" in said


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


def test_settings_services_and_capacity_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever mends the region must not meet the droplet's memory next, and the broken link after that."""
    broken = (*links.LINKS, Link("api", "mysql", 3306, Protocol.TCP, "a trial"))
    monkeypatch.setattr("auren_infra.services.consistency.LINKS", broken)
    said = _refusal({**COMPLETE, "region": "mars", "dropletSize": "s-1vcpu-1gb", "images": "[]"}, stack="Prod_1")
    assert said.startswith("The configuration has 5 faults; nothing was touched.\n")
    for part in (
        "  auren:region: ",
        "  auren:images: ",
        "  the stack's name, Prod_1: a droplet and a volume are named after it",
        "  auren_infra/services/links.py: api to mysql: there is no service 'mysql'",
        "  auren:dropletSize: the services do not fit s-1vcpu-1gb\n    memory, in MB:\n",
    ):
        assert said.count(part) == 1, part


def test_a_size_that_nobody_knows_is_not_judged_for_its_memory() -> None:
    said = _refusal({**COMPLETE, "dropletSize": "huge"})
    assert said.count("auren:dropletSize") == 1


@pytest.mark.parametrize("stack", ["Prod", "prod_1", "prod.eu", "-prod", "prod-", "p" * 58, ""])
def test_a_stack_whose_droplet_and_volume_could_not_have_its_name_is_refused(stack: str) -> None:
    assert "57 at most; `pulumi stack rename NAME`" in _refusal(COMPLETE, stack)
    assert admit("p" * 57, engine_values(COMPLETE))


def test_a_directory_that_is_too_large_for_the_state_is_refused(tmp_path: Path) -> None:
    (tmp_path / "index.html").touch()
    with (tmp_path / "film").open("wb") as film:
        film.truncate(17 * 2**20)
    assert "more than 16 MB; name a directory that holds only what is needed" in _refusal(
        {**COMPLETE, "website": str(tmp_path)}
    )


@pytest.mark.parametrize("name", ["a\tb", "a\nb", "a\udc80b"])
def test_a_file_whose_name_could_not_be_sent_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "index.html").touch()
    (tmp_path / name).touch()
    assert f"the name of {name!r} holds what is no letter" in _refusal({**COMPLETE, "website": str(tmp_path)})


def test_a_long_value_is_not_repeated_in_full() -> None:
    assert len(_refusal({**COMPLETE, "region": "x" * 100_000})) < 1000
