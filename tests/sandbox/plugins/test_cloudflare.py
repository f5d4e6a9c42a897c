"""The cloudflare plugin against the simulated API, by way of the official SDK and the real engine."""

from collections.abc import Iterator

import pytest
from cloudflare import Cloudflare

from tests.sandbox.clouds.running import Clouds
from tests.sandbox.engine.project import Project
from tests.sandbox.plugins.clouds import project_in, running_clouds

HEAD = """
import pulumi
import pulumi_cloudflare as cf
zone = cf.get_zone(filter={"name": "aupex.ai", "match": "all"})
"""
RECORDS = """
apex = cf.DnsRecord("apex", zone_id=zone.zone_id, name="aupex.ai", type="A", content="{address}", ttl={ttl},
    proxied={proxied}, comment="AUREN")
www = cf.DnsRecord("www", zone_id=zone.zone_id, name="www.aupex.ai", type="CNAME", content="aupex.ai", ttl=300)
caa = cf.DnsRecord("caa", zone_id=zone.zone_id, name="aupex.ai", type="CAA", ttl=300,
    data=cf.DnsRecordDataArgs(flags=0, tag="issue", value="letsencrypt.org"))
ssl = cf.ZoneSetting("ssl", zone_id=zone.zone_id, setting_id="ssl", value="{ssl}")
pulumi.export("apex", apex.id)
pulumi.export("zone", zone.zone_id)
pulumi.export("status", zone.status)
pulumi.export("names", zone.name_servers)
"""


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    clouds, _ = running_clouds(tmp_path_factory.mktemp("clouds"))
    yield clouds
    clouds.stop()


@pytest.fixture(scope="module")
def project(clouds: Clouds, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return project_in(clouds, tmp_path_factory.mktemp("project"))


@pytest.fixture
def cf(clouds: Clouds) -> Cloudflare:
    return clouds.cloudflare()


def records(address: str = "198.51.100.130", ttl: int = 300, proxied: bool = False, ssl: str = "full") -> str:
    return HEAD + RECORDS.format(address=address, ttl=ttl, proxied=proxied, ssl=ssl)


def test_records_and_settings_live(project: Project, cf: Cloudflare) -> None:
    project.write(records())
    project.up()
    outputs = project.outputs()
    zone = outputs["zone"]
    assert outputs["status"] == "active"
    assert len(outputs["names"]) == 2
    apex = cf.dns.records.get(outputs["apex"], zone_id=zone)
    assert apex is not None
    assert (apex.name, apex.content, apex.ttl, apex.proxied) == ("aupex.ai", "198.51.100.130", 300, False)
    assert apex.comment == "AUREN"
    project.run("preview", "--expect-no-changes")
    project.run("preview", "--refresh", "--expect-no-changes")

    project.write(records(address="198.51.100.131", ttl=1, proxied=True, ssl="strict"))
    diff = project.run("preview", "--diff")
    assert '"198.51.100.130" => "198.51.100.131"' in diff
    assert "2 to update" in diff
    project.up()
    changed = cf.dns.records.get(outputs["apex"], zone_id=zone)
    assert changed is not None
    assert (changed.id, changed.content, changed.ttl, changed.proxied) == (apex.id, "198.51.100.131", 1, True)
    setting = cf.zones.settings.get("ssl", zone_id=zone)
    assert setting is not None
    assert setting.model_dump()["value"] == "strict"

    cf.dns.records.edit(outputs["apex"], zone_id=zone, name="aupex.ai", type="A", ttl=1, content="192.0.2.1")
    assert '"192.0.2.1" => "198.51.100.131"' in project.run("preview", "--refresh", "--diff")
    cf.dns.records.delete(outputs["apex"], zone_id=zone)
    project.run("destroy", "--yes", "--skip-preview")
    assert list(cf.dns.records.list(zone_id=zone)) == []
    assert cf.zones.settings.get("ssl", zone_id=zone) is not None


def test_a_record_is_imported(project: Project, cf: Cloudflare) -> None:
    (zone,) = cf.zones.list(name="aupex.ai")
    made = cf.dns.records.create(zone_id=zone.id, name="old.aupex.ai", type="A", content="198.51.100.140", ttl=300)
    assert made is not None
    given = 'name="old.aupex.ai", type="A", content="198.51.100.140", ttl=300'
    record = f'{HEAD}cf.DnsRecord("old", zone_id=zone.zone_id, {given}%s)'
    project.write(record % f', opts=pulumi.ResourceOptions(import_="{zone.id}/{made.id}")')
    project.up()
    assert project.resource("old")["id"] == made.id
    project.write(record % "")
    project.run("preview", "--expect-no-changes")
    project.run("destroy", "--yes", "--skip-preview")


def test_a_refusal_carries_the_answer_of_the_api(project: Project) -> None:
    project.write(
        HEAD + 'cf.DnsRecord("a", zone_id=zone.zone_id, name="aupex.ai", type="A", content="not an address", ttl=300)'
    )
    shown = project.up(fails=True)
    assert "failed to make http request: POST" in shown
    assert "400 Bad Request" in shown
    assert '"success":false' in shown


def test_look_ups(project: Project) -> None:
    project.write(
        HEAD
        + """
zones = cf.get_zones(name="aupex.ai")
pulumi.export("zones", [each.name for each in zones.results])
pulumi.export("ranges", cf.get_ip_ranges().ipv4_cidrs)
"""
    )
    project.up()
    outputs = project.outputs()
    assert outputs["zones"] == ["aupex.ai"]
    assert outputs["ranges"]
    project.write(HEAD.replace("aupex.ai", "nobody.example"))
    assert "failed to find exactly one result: none matches" in project.run("preview", fails=True)


def test_a_token_of_the_wrong_form_is_refused_before_it_is_sent(project: Project) -> None:
    wrong = Project(project.folder, project.environment | {"CLOUDFLARE_API_TOKEN": "too short"})
    wrong.write(HEAD)
    assert "API tokens are 40 to 80 characters long" in wrong.run("preview", fails=True)


def test_a_busy_api_is_waited_out(project: Project, clouds: Clouds) -> None:
    with clouds.raw() as http:
        http.post("/_sandbox/faults", json={"path": "/zones", "status": 503, "times": 2}).raise_for_status()
    project.write(HEAD)
    project.up()
    with clouds.raw() as http:
        http.post("/_sandbox/faults", json={"path": "/zones", "status": 503, "times": 3}).raise_for_status()
    assert "503 Service Unavailable" in project.run("preview", fails=True)
