"""What a cloud refuses comes out of the real engine with a sentence that says what to do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import pytest

from auren_infra.cloud.answers import REFUSALS
from tests.sandbox.clouds.resources import KEY
from tests.sandbox.clouds.running import Clouds
from tests.sandbox.engine.project import Project
from tests.sandbox.plugins.clouds import project_in, running_clouds

ROOT = Path(__file__).parents[3]
HEAD = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import pulumi
import pulumi_cloudflare as cloudflare
import pulumi_digitalocean as do
from auren_infra.cloud.dns import find_zone
from auren_infra.cloud.refusals import explained
from auren_infra.settings import refusal

def look_for(zone):
    _, faults = find_zone(zone)
    if faults:
        raise pulumi.RunError(str(refusal(faults)))
part = pulumi.ComponentResource("auren:trial:Part", "part", None, explained())
inside = pulumi.ResourceOptions(parent=part)
def droplet(name, region="fra1", size="s-2vcpu-4gb", image="debian-12-x64"):
    do.Droplet(name, name=name, region=region, size=size, image=image, opts=inside)
def record():
    zone = cloudflare.get_zones(name="aupex.ai").results[0].id
    cloudflare.DnsRecord("www.aupex.ai", zone_id=zone, name="www.aupex.ai", type="A", content="198.51.100.9", ttl=300,
                         opts=inside)
"""


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    clouds, _ = running_clouds(tmp_path_factory.mktemp("clouds"))
    yield clouds
    clouds.stop()


@pytest.fixture(scope="module")
def project(clouds: Clouds, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return project_in(clouds, tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module", autouse=True)
def taken(clouds: Clouds) -> None:
    """What other people of the account have made by hand."""
    account, dns = clouds.digitalocean(), clouds.cloudflare()
    account.vpcs.create({"name": "theirs", "region": "fra1", "ip_range": "10.200.0.0/20"})
    account.volumes.create({"name": "auren-prod", "region": "fra1", "size_gigabytes": 1})
    account.ssh_keys.create({"name": "deploy", "public_key": KEY})
    (zone,) = dns.zones.list(name="aupex.ai")
    dns.dns.records.create(zone_id=zone.id, name="www.aupex.ai", type="CNAME", content="elsewhere.example", ttl=300)


def _up(project: Project, program: str, *arguments: str, **environment: str) -> str:
    project.write(HEAD + dedent(program))
    return Project(project.folder, project.environment | environment).up(*arguments, fails=True)


@pytest.fixture(scope="module")
def shown(project: Project, taken: None) -> str:
    """One update with all that is refused for a reason of its own."""
    return _up(
        project,
        """
        droplet("sold-out", region="blr1", size="m-2vcpu-16gb")
        droplet("nowhere", region="mars1")
        droplet("unknown", image="debian-99-x64")
        do.Vpc("near", name="near", region="fra1", ip_range="10.200.0.0/24", opts=inside)
        do.Volume("auren-prod", name="auren-prod", region="fra1", size=1, opts=inside)
        do.Volume("large", name="large", region="fra1", size=20000, opts=inside)
        record()
        """,
        "--continue-on-error",
    )


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            "Size is not available in this region.",
            "sold-out: This region has no such droplet: choose another auren:dropletSize, or another auren:region.",
        ),
        (
            "You specified an invalid region for Droplet creation.",
            "nowhere: DigitalOcean has no such region, or creates nothing new there: choose another auren:region",
        ),
        (
            "You specified an invalid image for Droplet creation.",
            "unknown: DigitalOcean has no such image: choose another auren:dropletImage",
        ),
        (
            "This range/size overlaps with another VPC network in your account",
            "near: Another VPC of the account, or DigitalOcean itself, has these addresses: choose",
        ),
        (
            "already exists",
            "auren-prod: The account has another resource named auren-prod that this stack does not know: delete it as",
        ),
        (
            "A CNAME record with that host already exists.",
            "www.aupex.ai: The zone has a record named www.aupex.ai that this stack does not know: delete it at",
        ),
    ],
    ids=["size", "region", "image", "vpc", "volume", "record"],
)
def test_a_refusal_comes_with_what_to_do(shown: str, answer: str, sentence: str) -> None:
    assert answer in shown, "the plugin's own words stay"
    assert f"error: {sentence}" in shown


def test_what_nobody_explains_is_shown_as_it_is(shown: str) -> None:
    assert "size_gigabytes must be between" in shown
    assert "error: large:" not in shown
    assert "hook" not in shown


def test_a_droplet_too_many_comes_with_what_to_do(
    project: Project, clouds: Clouds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.clouds.digitalocean.keys.DROPLET_LIMIT", 0)
    shown = _up(project, 'droplet("auren-prod")')
    assert "creating this/these droplet(s) will exceed your droplet limit" in shown
    assert "auren-prod: The DigitalOcean account may have no more droplets: delete one, or ask" in shown


def test_a_token_with_too_few_rights_comes_with_what_to_do(project: Project, clouds: Clouds) -> None:
    shown = _up(
        project, 'do.Tag("auren", name="auren", opts=inside)', DIGITALOCEAN_TOKEN=clouds.tokens.digitalocean_read_only
    )
    assert "you do not have access for the attempted action" in shown
    assert "The DigitalOcean token may not do this: give DIGITALOCEAN_TOKEN read and write" in shown
    shown = _up(project, "record()", CLOUDFLARE_API_TOKEN=clouds.tokens.cloudflare_read_only)
    assert "Authentication error" in shown
    assert "The Cloudflare token may not do this: give it Zone:Read and DNS:Edit for the zone." in shown


def test_a_token_that_nobody_knows_comes_with_what_to_do(project: Project) -> None:
    shown = _up(project, 'do.Tag("auren", name="auren", opts=inside)', DIGITALOCEAN_TOKEN="dop_v1_" + "0" * 64)
    assert "Unable to authenticate you" in shown
    assert "DigitalOcean does not know this token: set DIGITALOCEAN_TOKEN" in shown
    shown = _up(project, 'look_for("aupex.ai")', CLOUDFLARE_API_TOKEN="x" * 40)
    assert "auren:cloudflareZone: Cloudflare does not know this token: set CLOUDFLARE_API_TOKEN" in shown
    assert "Invalid access token" in shown


def test_a_zone_that_is_not_there_comes_with_what_to_do(project: Project) -> None:
    shown = _up(project, 'look_for("example.org")')
    assert "auren:cloudflareZone: the Cloudflare token sees no zone example.org. Add the zone to the account" in shown


@pytest.mark.parametrize("status", ["pending", "initializing", "moved"])
def test_a_zone_that_is_not_active_comes_with_what_to_do(project: Project, clouds: Clouds, status: str) -> None:
    with _zone(clouds, name="pending.ai", status=status):
        shown = _up(project, 'look_for("pending.ai")')
    assert (
        "auren:cloudflareZone: the zone pending.ai is not active, so resolvers would not find its records. "
        f"It is {status}, " in shown
    )


def test_the_active_zone_is_found_behind_another_accounts_that_is_not(project: Project, clouds: Clouds) -> None:
    """The API lists both, by name and then in any order."""
    with _zone(clouds, name="aupex.ai", status="moved", account="Agency"):
        project.write(HEAD + 'zone, faults = find_zone("aupex.ai")\npulumi.export("found", [zone, len(faults)])\n')
        project.up()
        (ours,) = clouds.cloudflare().zones.list(name="aupex.ai", account={"name": "Sandbox"})
        assert project.outputs()["found"] == [ours.id, 0]


def test_two_active_zones_of_one_name_are_refused_with_their_accounts(project: Project, clouds: Clouds) -> None:
    with _zone(clouds, name="aupex.ai", account="Agency"):
        shown = _up(project, 'look_for("aupex.ai")')
    assert "auren:cloudflareZone: the Cloudflare token sees 2 active zones aupex.ai: " in shown
    assert " in the account Agency" in shown
    assert " in the account Sandbox" in shown


@contextmanager
def _zone(clouds: Clouds, **zone: str) -> Iterator[None]:
    """A zone that somebody else made, in the token's sight for a while."""
    with clouds.raw() as http:
        made = http.post("/_sandbox/zones", json=zone).raise_for_status().json()["id"]
        try:
            yield
        finally:
            http.delete(f"/_sandbox/zones/{made}").raise_for_status()


NEW_RECORD = """cloudflare.DnsRecord(
        f"t{n}", zone_id=zone, name=f"t{n}.aupex.ai", type="A", content="198.51.100.9", ttl=300, opts=inside)"""
SAID = {
    "digitalocean": ("^/v2/tags$", 'do.Tag(f"t{n}", name=f"t{n}", opts=inside)'),
    "cloudflare": ("/dns_records$", NEW_RECORD),
}


@pytest.mark.parametrize("cloud", SAID)
def test_what_a_cloud_says_is_recognized_as_its_plugin_reports_it(project: Project, clouds: Clouds, cloud: str) -> None:
    """Every known answer, in the words and the form of the API, but for those that the plugin waits out itself."""
    path, resource = SAID[cloud]
    pairs = [(refusal, answer) for refusal in REFUSALS if refusal.cloud == cloud for answer in refusal.answers]
    pairs = [(refusal, answer) for refusal, answer in pairs if answer.status != 429]
    with clouds.raw() as http:
        for _, answer in pairs:
            fault = {"method": "POST", "path": path, "status": answer.status, "message": answer.message}
            http.post("/_sandbox/faults", json=fault | {"code": answer.code or None}).raise_for_status()
    lookup = 'zone, _ = find_zone("aupex.ai")\n' if cloud == "cloudflare" else ""
    shown = _up(project, f"{lookup}for n in range({len(pairs)}):\n    {resource}\n", "--continue-on-error")
    wrong: list[str] = []
    for refusal, answer in pairs:
        names = re.findall(rf"(t[0-9]+) \*\*creating failed\*\* error: .*{re.escape(answer.message)}", shown)
        sentences = [f"error: {name}: {refusal.sentence.format(name=name)}" for name in names]
        if not any(sentence in shown for sentence in sentences):
            wrong.append(f"{answer}, of {names}: {refusal.sentence}")
    assert wrong == [], shown


def test_a_destroy_without_the_program_shows_the_clouds_own_words(project: Project, clouds: Clouds) -> None:
    """It registers no hook, and must not fail for want of one."""
    project.write(HEAD + 'do.Tag("auren", name="auren", opts=inside)\n')
    project.up()
    with clouds.raw() as http:
        http.post("/_sandbox/faults", json={"path": "^/v2/tags/auren$", "method": "DELETE", "status": 422, "times": 1})
    shown = project.run("destroy", "--yes", "--skip-preview", fails=True)
    assert "injected fault" in shown
    project.run("destroy", "--yes", "--skip-preview")
