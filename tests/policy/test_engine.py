"""The policy pack in the hands of the real engine: what breaks a rule fails a preview, and what is waived does not."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from auren_infra.release_text import Release
from tests.sandbox.engine.project import Project

ROOT = Path(__file__).parents[2]
PACK = str(ROOT / "policy")
LIMIT = 240

COMPOSE = yaml.safe_dump(
    {"services": {"redis": {"image": "docker.io/library/redis:8.0.6", "privileged": True, "ports": ["6379:6379"]}}}
)
RELEASE = Release("999:999", COMPOSE, {}).text
PROGRAMS = {
    ("inner-service-exposed", "ssh-open-to-everyone", "kafka-ui-open-to-everyone"): """
        import pulumi_digitalocean as do
        tag = do.Tag("tag", name="auren")
        do.Firewall("all", tags=[tag.name], inbound_rules=[
            {"protocol": "tcp", "port_range": "1-65535", "source_addresses": ["0.0.0.0/0"]}])
    """,
    ("volume-unprotected", "untagged"): """
        import pulumi_digitalocean as do
        do.Volume("data", region="nyc3", size=40)
    """,
    ("host-key-unpinned",): """
        import pulumi_command as command
        command.remote.Command("ready", create="true", connection={"host": "198.51.100.10"})
    """,
    (
        "inner-service-exposed",
        "privileged-container",
        "image-without-digest",
        "container-without-limits",
        "container-without-health-check",
    ): f"""
        import pulumi_command as command
        stdin = 'main "$@"; exit\\n' + {RELEASE!r}
        connection = {{"host": "198.51.100.10", "host_key": "ssh-ed25519 AAAAC3"}}
        command.remote.Command("auren-redis-release", create="true", connection=connection, stdin=stdin)
    """,
    ("plain-secret",): """
        import pulumi
        import pulumi_command as command
        command.local.Command("kept", create="true", environment={"PASSWORD": pulumi.Output.secret("hush")})
        command.local.Command("told", create="true", environment={"PASSWORD": "hush"})
    """,
    ("monthly-cost",): """
        import pulumi_digitalocean as do
        tag = do.Tag("tag", name="auren")
        do.Firewall("web", tags=[tag.name], inbound_rules=[
            {"protocol": "tcp", "port_range": "443", "source_addresses": ["0.0.0.0/0"]}])
        do.Droplet("large", region="nyc3", size="s-8vcpu-16gb", image="ubuntu-22-04-x64", tags=[tag.name])
    """,
    ("droplet-without-firewall",): """
        import pulumi_digitalocean as do
        do.Firewall("web", tags=["other"], inbound_rules=[
            {"protocol": "tcp", "port_range": "443", "source_addresses": ["0.0.0.0/0"]}])
        do.Droplet("open", region="nyc3", size="s-1vcpu-1gb", image="ubuntu-22-04-x64", tags=["auren"])
    """,
}
"""The rules that a program breaks, and the program."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A preview asks the clouds for nothing here, so there are none: only a token, which is asked for at once."""
    folder = tmp_path_factory.mktemp("policy")
    return Project.create(folder, DIGITALOCEAN_TOKEN="none", DIGITALOCEAN_API_URL="http://127.0.0.1:9")


def _found(shown: str, level: str) -> set[str]:
    return set(re.findall(rf"\[{level}\]\s+(\S+)\s+\(", shown))


@pytest.mark.parametrize(("broken", "program"), PROGRAMS.items(), ids=["+".join(rules) for rules in PROGRAMS])
def test_what_breaks_rules_fails_a_preview_which_names_them(
    project: Project, broken: tuple[str, ...], program: str
) -> None:
    project.write(program)
    shown = project.run("preview", "--policy-pack", PACK, fails=True)
    assert _found(shown, "mandatory") == set(broken)


def test_a_waived_rule_is_a_warning_with_its_reason(project: Project) -> None:
    project.write("""
        import pulumi_digitalocean as do
        do.Volume("data", region="nyc3", size=40, tags=["auren"])
    """)
    assert "volume-unprotected" in project.run("preview", "--policy-pack", PACK, fails=True)
    project.run("config", "set", "--path", "auren:waivers[0]", "volume-unprotected=this is only a trial")
    shown = project.run("preview", "--policy-pack", PACK)
    assert _found(shown, "advisory") == {"volume-unprotected"}
    assert "Waived: this is only a trial" in shown


def test_the_limit_of_the_cost_is_the_configurations(project: Project) -> None:
    project.write(PROGRAMS["monthly-cost",])
    project.run("config", "set", "auren:monthlyLimitUsd", "96")
    project.run("preview", "--policy-pack", PACK)
    project.run("config", "set", "auren:monthlyLimitUsd", "95")
    shown = project.run("preview", "--policy-pack", PACK, fails=True)
    assert "96.00 for large (s-8vcpu-16gb) = 96.00 USD a month, the limit is 95.00" in shown


def test_a_generated_secret_that_lost_its_mark_is_found(project: Project) -> None:
    project.write("""
        import pulumi
        import pulumi_command as command
        import pulumi_random as random
        password = random.RandomPassword("password", length=20, special=False)
        kept = command.local.Command("kept", create="true", environment={"VALUE": password.result})
        told = pulumi.Output.unsecret(password.result)
        command.local.Command("told", create="true", environment={"VALUE": told})
    """)
    shown = project.up("--policy-pack", PACK, fails=True)
    assert _found(shown, "mandatory") == {"generated-secret-in-plain"}
    assert "environment.VALUE holds the secret of password in plain" in shown
    assert shown.count("holds the secret") == 1, "the one that is marked is no fault"


def test_an_update_that_breaks_a_rule_makes_nothing(project: Project, tmp_path: Path) -> None:
    project.write(f"""
        import pulumi_command as command
        command.local.Command("made", create="touch {tmp_path}/made", environment={{"TOKEN": "hush"}})
    """)
    project.up("--policy-pack", PACK, fails=True)
    assert not (tmp_path / "made").exists()


def test_production_keeps_the_rules_and_shows_what_it_waives() -> None:
    """The whole program, on the terms of Pulumi.prod.yaml, as `make preview` shows it."""
    command = [sys.executable, "-m", "sandbox", "preview", "--stack", "prod", "--", "--color", "never"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "auren@v1.0.0" in done.stdout
    assert _found(done.stdout, "advisory") == {"image-without-digest"}
    assert _found(done.stdout, "mandatory") == set()
