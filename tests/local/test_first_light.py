"""AUREN's production, rehearsed: brought up, changed, broken, replaced and destroyed, in this order."""

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import dns.rdatatype
import httpx
import jsonschema
import pytest

from auren_infra.files import paths
from sandbox import layout, pulumi_stack
from tests.local.cloud import act, delete, detach
from tests.local.deployment import DOMAIN, DROPLET, STACK, Deployment, UpdateFailedError
from tests.local.events import post_event, read_event
from tests.local.host import Host
from tests.sandbox.droplets.internet import Client

pytestmark = pytest.mark.machine

SECRET = f"{paths.release('api', paths.CURRENT)}/secrets/postgres_password"

SIZE, OTHER_SIZE = "m-4vcpu-32gb", "s-8vcpu-32gb-amd"
"""Both have the same memory: a resize changes no limit of a container."""

Outputs = dict[str, Any]


@pytest.fixture(scope="module")
def first_up(deployment: Deployment) -> str:
    deployment.configure(dropletSize=SIZE)
    return deployment.up()


def test_outputs_keep_their_contract(outputs: Outputs, project: Path) -> None:
    jsonschema.validate(outputs, json.loads((project / "outputs.schema.json").read_text()))


def test_the_website_and_the_api_answer_at_the_address(outputs: Outputs, internet: Client) -> None:
    url = f"http://{outputs['address']}"
    curl = [*internet.prefix, "curl", "-fsS", "--max-time", "10", "-H", f"Host: {DOMAIN}"]
    assert "<title>AUREN</title>" in subprocess.check_output([*curl, f"{url}/"], text=True)
    assert json.loads(subprocess.check_output([*curl, f"{url}/api/health"]))["status"] == "ok"
    assert read_event(outputs, post_event(outputs, 61.5)) == 61.5


@pytest.mark.parametrize("host", [DOMAIN, f"www.{DOMAIN}"])
def test_the_name_leads_to_the_address(outputs: Outputs, host: str) -> None:
    query = dns.message.make_query(host, dns.rdatatype.A)
    answer = dns.query.udp(query, layout.DNS_ADDRESS, port=layout.DNS_PORT, timeout=5)
    assert [str(record) for records in answer.answer for record in records] == [outputs["address"]]
    website = httpx.get(f"http://{outputs['address']}/", headers={"Host": host}, timeout=10)
    assert "<title>AUREN</title>" in website.text


@pytest.mark.parametrize("port", [22, 443, 5432, 6379, 8080, 8081])
def test_what_is_not_allowed_does_not_answer_from_outside(outputs: Outputs, internet: Client, port: int) -> None:
    """SSH and the Kafka UI are open to this machine's address only. 443 is let through, but nobody listens yet."""
    assert internet.connect(outputs["address"], port) == ("refused" if port == 443 else "silent")


def test_the_first_boot_ended_without_a_fault(host: Host) -> None:
    """A fault in the user data is "degraded", which would hide any other."""
    status = json.loads(host.run("cloud-init", "status", "--format", "json"))
    assert (status["extended_status"], status["errors"], status["recoverable_errors"]) == ("done", [], {})
    assert "Valid schema user-data" in host.run("cloud-init", "schema", "--system")


def test_dockers_own_networks_are_apart_from_the_vpc_and_from_each_other(host: Host) -> None:
    """Docker took whatever was free: the VPC's range, or the one of auren-network."""
    host.run("docker", "network", "create", "by-hand")
    try:
        subnet = "{{(index .IPAM.Config 0).Subnet}}"
        networks = host.run("docker", "network", "inspect", "-f", subnet, "bridge", "auren-network", "by-hand").split()
    finally:
        host.run("docker", "network", "rm", "by-hand")
    assert networks == ["172.17.0.0/16", "172.18.0.0/16", "172.19.0.0/24"]


def test_a_second_up_changes_nothing_and_opens_no_connection(
    deployment: Deployment, outputs: Outputs, host: Host
) -> None:
    before = host.logins()
    printed = deployment.up("--expect-no-changes")
    assert "unchanged" in printed
    assert host.logins() == before


def test_a_refresh_shows_no_drift(deployment: Deployment, first_up: str) -> None:
    deployment.pulumi("refresh", "--preview-only", "--expect-no-changes", "--non-interactive")


def test_no_secret_is_in_plain_in_the_state_or_in_the_compose_file(outputs: Outputs, host: Host) -> None:
    password = host.run("cat", SECRET)
    assert len(password) == 32
    state = json.dumps(pulumi_stack.resources(STACK))
    assert password not in state
    assert "BEGIN OPENSSH PRIVATE KEY" not in state
    assert password not in host.run("cat", f"{paths.release('api', paths.CURRENT)}/compose.yml")
    assert password not in json.dumps(host.containers())
    assert host.run("stat", "-c", "%a %u", SECRET).split() == ["400", "10001"]


def test_a_changed_nginx_setting_is_read_by_the_nginx_that_runs(
    deployment: Deployment, outputs: Outputs, host: Host
) -> None:
    api, nginx = host.container_id("auren-api"), host.container_id("auren-nginx")
    deployment.configure(maxUploadMegabytes=11)
    name = f"auren-{STACK}"
    assert deployment.planned() == {f"{name}-nginx-release": "update", f"{name}-nginx": "update"}
    deployment.up()
    configured = host.run("docker", "exec", "auren-nginx", "nginx", "-T", "-c", "/etc/auren/live/files/nginx.conf")
    assert "client_max_body_size 11m;" in configured
    assert (host.container_id("auren-nginx"), host.container_id("auren-api")) == (nginx, api)


def test_a_changed_postgres_image_does_not_touch_redis(deployment: Deployment, outputs: Outputs) -> None:
    """By digest alone, without the tag, it is another reference of the same image: only a preview."""
    image = deployment.image("postgres")
    repository, digest = image.split("@")
    deployment.use_image("postgres", f"{repository.rpartition(':')[0]}@{digest}")
    name = f"auren-{STACK}"
    try:
        assert deployment.planned() == {f"{name}-postgres-release": "update", f"{name}-postgres": "update"}
    finally:
        deployment.use_image("postgres", image)


def test_a_wrong_configuration_is_refused_with_all_its_faults(deployment: Deployment, first_up: str) -> None:
    deployment.configure(sshAllowed=["198.51.100.1/33"], dockerSource="snap", unknown="x")
    try:
        with pytest.raises(UpdateFailedError) as refused:
            deployment.up()
    finally:
        deployment.configure(sshAllowed=["198.51.100.1/32"], dockerSource="distribution", unknown=None)
    for key in ("auren:sshAllowed[0]", "auren:dockerSource", "auren:unknown"):
        assert key in str(refused.value)
    assert "Traceback" not in str(refused.value)


def test_a_container_that_does_not_become_healthy_fails_its_own_resource(
    deployment: Deployment, outputs: Outputs, host: Host
) -> None:
    """A broken deployment: the API's image is one that is no API, and ends at once. What ran before serves on."""
    event = post_event(outputs, 72)
    image = deployment.image("api")
    postgres = host.container_id("auren-postgres")
    deployment.use_image("api", deployment.image("postgres"))
    try:
        with pytest.raises(UpdateFailedError) as failed:
            deployment.up()
    finally:
        deployment.use_image("api", image)
    printed = str(failed.value)
    assert f"auren-{STACK}-api" in printed
    assert re.search(r"api did not become healthy: it ended \d+ times within \d+ s, with exit status [1-9]", printed)
    assert "The last lines of auren-api" in printed
    assert "Nobody was led to it: auren-api still serves." in printed
    assert "smoke test" not in printed, "one error is enough"
    assert read_event(outputs, event) == 72
    assert host.container_id("auren-postgres") == postgres
    deployment.up()
    assert deployment.planned() == {}
    assert read_event(outputs, event) == 72


def test_throttling_and_server_errors_are_waited_out(deployment: Deployment, first_up: str) -> None:
    """The clouds' APIs answer 429 and 503 for a while."""
    control = f"http://{layout.API_ADDRESS}:{layout.API_PORT}/_sandbox/faults"
    for status in (429, 503):
        fault = {"path": "/v2/.*", "status": status, "times": 2}
        assert httpx.post(control, json=fault, timeout=5).is_success
        deployment.pulumi("refresh", "--yes", "--skip-preview", "--non-interactive")


def test_protected_data_cannot_be_destroyed(deployment: Deployment, outputs: Outputs) -> None:
    deployment.configure(protectData=True)
    deployment.up()
    try:
        with pytest.raises(UpdateFailedError, match="protect"):
            deployment.pulumi("destroy", "--yes", "--non-interactive")
        assert read_event(outputs, post_event(outputs, 55)) == 55
    finally:
        deployment.configure(protectData=False)
        deployment.up()


@pytest.mark.long(140)
def test_a_droplet_that_is_alive_is_brought_down_cleanly_and_replaced_with_its_data(
    deployment: Deployment, outputs: Outputs, host: Host
) -> None:
    event = post_event(outputs, 80)
    printed = deployment.up("--replace", deployment.urn(DROPLET))
    assert "containers stopped, /mnt/auren-data unmounted" in printed
    after = deployment.outputs()
    assert after["droplet"]["id"] != outputs["droplet"]["id"]
    assert after["address"] == outputs["address"]
    assert read_event(after, event) == 80
    log = Host(after["droplet"]["id"]).run("docker", "logs", "auren-postgres")
    assert "was not properly shut down" not in log
    assert deployment.planned() == {}


@pytest.mark.long(60)
def test_a_resize_that_is_refused_leaves_nothing_stopped(deployment: Deployment, outputs: Outputs, host: Host) -> None:
    """The cloud refuses to switch the droplet off. A timer starts the containers again, and is not waited for."""
    fault = {"path": "/v2/droplets/[0-9]+/actions", "status": 422, "times": 1}
    control = f"http://{layout.API_ADDRESS}:{layout.API_PORT}/_sandbox/faults"
    assert httpx.post(control, json=fault, timeout=5).is_success
    names = list(host.containers())
    deployment.configure(dropletSize=OTHER_SIZE)
    try:
        with pytest.raises(UpdateFailedError, match="containers stopped"):
            deployment.up()
    finally:
        deployment.configure(dropletSize=SIZE)
    assert set(host.healths().values()) <= {"exited unhealthy", "exited healthy"}
    assert "auren-start-again.timer" in host.run("systemctl", "list-timers", "--no-pager")
    host.run("systemctl", "start", "auren-start-again.service")
    host.wait_until_healthy(names, 120)


@pytest.mark.long(60)
def test_stores_end_cleanly_before_a_resize_cuts_the_power(
    deployment: Deployment, outputs: Outputs, host: Host
) -> None:
    """Every container stays, and its log tells how it ended."""
    event = post_event(outputs, 85)
    before = {name: host.container_id(name) for name in host.containers()}
    deployment.configure(dropletSize=OTHER_SIZE)
    printed = deployment.up()
    assert "containers stopped" in printed
    host.wait_until_healthy(before, 180)
    assert {name: host.container_id(name) for name in before} == before
    postgres = host.run("sh", "-c", "docker logs auren-postgres 2>&1")
    assert "database system is shut down" in postgres
    assert "was not properly shut down" not in postgres
    redis = host.run("docker", "logs", "auren-redis")
    assert redis.count("Redis is now ready to exit, bye bye") == redis.count("Ready to accept connections") - 1
    assert read_event(outputs, event) == 85
    assert deployment.planned() == {}


@pytest.mark.long(200)
def test_a_dead_droplet_is_replaced_with_its_data(deployment: Deployment, outputs: Outputs) -> None:
    event = post_event(outputs, 81)
    act(outputs["droplet"]["id"], "power_off")
    started = time.monotonic()
    printed = deployment.up("--replace", deployment.urn(DROPLET))
    assert "taken for dead" in printed
    assert time.monotonic() - started < 600
    after = deployment.outputs()
    assert read_event(after, event) == 81
    assert deployment.planned() == {}


@pytest.mark.long(170)
def test_a_droplet_that_somebody_deleted_is_made_anew_with_its_data(deployment: Deployment, outputs: Outputs) -> None:
    event = post_event(outputs, 82)
    delete(outputs["droplet"]["id"])
    deployment.up("--refresh")
    after = deployment.outputs()
    assert after["address"] == outputs["address"]
    assert read_event(after, event) == 82
    assert deployment.planned() == {}


@pytest.mark.long(90)
def test_a_volume_that_somebody_detached_is_taken_up_again(
    deployment: Deployment, outputs: Outputs, host: Host
) -> None:
    """A container that is not started anew keeps the mount of the volume that is gone, healthy as it may be."""
    event = post_event(outputs, 83)
    before = {name: host.started_at(name) for name in host.containers()}
    detach(outputs["volumes"][0]["id"], outputs["droplet"]["id"])
    deployment.up("--refresh")
    host.wait_until_healthy(before, 120)
    assert [name for name, started in before.items() if host.started_at(name) == started] == []
    assert len(host.run("findmnt", "--noheadings", paths.DATA).splitlines()) == 1, "mounted once"
    assert read_event(outputs, event) == 83
    assert read_event(outputs, post_event(outputs, 84)) == 84
    assert deployment.planned() == {}


def test_a_dead_droplet_does_not_stand_in_the_way_of_destroy(deployment: Deployment, outputs: Outputs) -> None:
    act(outputs["droplet"]["id"], "power_off")
    deployment.destroy()
    assert pulumi_stack.resources(STACK) == []
    names = subprocess.run(
        ["docker", "ps", "--all", "--format", "{{.Names}}"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert Host(outputs["droplet"]["id"]).container not in names
    assert not list((layout.STATE / "volumes").glob(f"*{outputs['volumes'][0]['id']}*"))
    query = dns.message.make_query(DOMAIN, dns.rdatatype.A)
    assert not dns.query.udp(query, layout.DNS_ADDRESS, port=layout.DNS_PORT, timeout=5).answer


@pytest.mark.long(170)
def test_a_first_start_of_the_database_that_fails_is_found(deployment: Deployment, tmp_path: Path) -> None:
    """The image itself would start again, run no script any more, and become healthy with half of the tables."""
    (tmp_path / "10-first.sql").write_text("CREATE TABLE first ();\n")
    fails = tmp_path / "20-fails.sql"
    fails.write_text("CREATE TABLE second ();\nINSERT INTO nowhere VALUES (1);\n")
    deployment.configure(sqlInit=str(tmp_path))
    with pytest.raises(UpdateFailedError) as failed:
        deployment.up()
    assert "postgres did not become healthy: it ended" in str(failed.value)
    said = 'psql:/docker-entrypoint-initdb.d/20-fails.sql:2: ERROR:  relation "nowhere" does not exist'
    assert said in str(failed.value)
    (droplet,) = (one["id"] for one in pulumi_stack.resources(STACK) if one["type"] == DROPLET)
    host = Host(droplet)
    assert "running healthy" not in host.healths()["auren-postgres"]
    with pytest.raises(UpdateFailedError):
        deployment.up()  # again, and the database is no more whole than before

    fails.write_text("CREATE TABLE second ();\n")
    deployment.up()
    query = "SELECT to_regclass('first'), to_regclass('second')"
    psql = ("docker", "exec", "auren-postgres", "psql", "-U", "auren", "-At", "-c", query)
    assert host.run(*psql).strip() == "first|second"
    deployment.configure(sqlInit=None)


def test_a_destroyed_stack_comes_up_again_and_a_living_droplet_goes_down_cleanly(deployment: Deployment) -> None:
    deployment.up()
    outputs = deployment.outputs()
    assert read_event(outputs, post_event(outputs, 90)) == 90
    assert "containers stopped, /mnt/auren-data unmounted" in deployment.destroy()
    assert pulumi_stack.resources(STACK) == []
