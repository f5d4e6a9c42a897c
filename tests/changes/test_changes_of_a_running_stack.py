"""What is refused of a stack that is up, and what is not: previews of the whole program by the real engine."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import layout
from tests.review.conftest import Production

PREVIEW = ("pulumi", "preview", "--non-interactive", "--color", "never")


def preview(production: Production, *options: str, status: int = 0, **variables: str) -> str:
    """Both streams of a preview, once its exit was as expected."""
    done = subprocess.run(
        [*PREVIEW, *options],
        cwd=layout.PROJECT,
        env=production.variables | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=240,
    )
    assert (done.returncode != 0) == (status != 0), done.stdout
    return done.stdout


def planned(production: Production) -> dict[str, str]:
    """What an update would do: `Droplet auren-prod` -> operation, for all that is not left as it is."""
    steps: list[dict[str, Any]] = json.loads(preview(production, "--json"))["steps"]
    names = {
        f"{step['urn'].split('::')[2].rpartition(':')[2]} {step['urn'].rpartition('::')[2]}": step for step in steps
    }
    return {name: step["op"] for name, step in names.items() if step["op"] != "same"}


def refused(production: Production, **variables: str) -> list[str]:
    """The fault lines of a preview that the program refuses. Nothing was planned."""
    shown = preview(production, status=1, **variables)
    assert "nothing was touched" in shown, shown
    assert not re.search(r"to (create|delete|update|replace)", shown), "the engine must have planned nothing"
    return re.findall(r"^ {6,}(auren\S*: .*)$", shown, re.MULTILINE)


def test_nothing_changes_when_no_setting_does(production: Production) -> None:
    """To read the state adds no resource to it."""
    assert planned(production) == {}
    preview(production, "--expect-no-changes")


def test_a_state_of_a_program_that_did_not_read_it_is_taken_over_without_a_change(
    production: Production, tmp_path: Path
) -> None:
    """To read it, the engine makes a provider of its own, which such a state does not have."""
    state = json.loads(production.run("pulumi", "stack", "export"))
    resources = state["deployment"]["resources"]
    state["deployment"]["resources"] = [each for each in resources if each["type"] != "pulumi:providers:pulumi"]
    assert len(state["deployment"]["resources"]) == len(resources) - 1
    (tmp_path / "state.json").write_text(json.dumps(state))
    production.run("pulumi", "stack", "import", "--file", str(tmp_path / "state.json"))
    preview(production, "--expect-no-changes")


def test_a_renamed_stack_is_refused_and_with_its_name_nothing_changes(production: Production, tmp_path: Path) -> None:
    """62 resources were to be deleted and made anew, the data volume among them."""
    for file in ("Pulumi.yaml", "Pulumi.prod.yaml"):
        shutil.copy(layout.PROJECT / file, tmp_path)  # `stack rename` moves the stack's own file
    renamed = replace(production, variables=production.variables | {"PULUMI_STACK": "production"})
    replace(production, project=tmp_path).run("pulumi", "stack", "rename", "production", "--non-interactive")
    try:
        assert (tmp_path / "Pulumi.production.yaml").exists()
        (fault,) = refused(renamed)
        assert fault.startswith("auren:name: all resources of this stack are named auren-prod.")
        command = re.search(r"`(pulumi config set auren:name auren-prod)`", fault)
        assert command
        renamed.run(*command[1].split())
        preview(renamed, "--expect-no-changes")
    finally:
        renamed.run("pulumi", "config", "rm", "auren:name")
        replace(renamed, project=tmp_path).run("pulumi", "stack", "rename", "prod", "--non-interactive")
    preview(production, "--expect-no-changes")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "auren-other"}, "auren:name: all resources of this stack are named auren-prod."),
        (
            {"region": "fra1"},
            "auren:region: the data volume and the address are in nyc3, cannot move to another region",
        ),
        (
            {"dataVolumeSize": 10},
            "auren:dataVolumeSize: the data volume has 40 GB and can only grow; set it to 40 or more",
        ),
        (
            {"dropletSize": "g-2vcpu-8gb"},
            "auren:dropletSize: the droplet is a s-2vcpu-4gb with a disk of 80 GB, g-2vcpu-8gb has 25 GB",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_change_that_cannot_be_made_is_refused(production: Production, changes: dict[str, object], said: str) -> None:
    (fault,) = refused(production.configured(changes))
    assert fault.startswith(said)


def test_another_major_release_of_the_database_is_refused(production: Production) -> None:
    (database,) = (image for name, image in production.images().items() if name == "postgres")
    release = int(database.rpartition(":")[2].partition(".")[0])
    configured: list[str] = yaml.safe_load(production.config_file.read_text())["config"]["auren:images"]
    other = f"postgres=docker.io/library/postgres:{release - 1}.1"
    (fault,) = refused(production.configured({"images": [*configured, other]}))
    assert fault.startswith(
        f"auren:images: postgres: PostgreSQL {release} wrote the data, and {release - 1} cannot read it."
    )


def test_all_that_is_wrong_is_told_at_once_and_the_engine_refuses_nothing_before(production: Production) -> None:
    """Of three wrong types the engine named one, and no repair."""
    wrong = production.configured({})
    for key, value in (("proxied", "perhaps"), ("dataVolumeSize", "large"), ("sshAllowed", "203.0.113.7")):
        wrong.run("pulumi", "config", "set", f"auren:{key}", value)
    wrong.run("pulumi", "config", "rm", "auren:kafkaUiAllowed")
    wrong.run("pulumi", "config", "set", "--path", "auren:operatorKeys[0]", "22")
    wrong.run("pulumi", "config", "set", "--path", "auren:domain.name", "aupex.ai")
    faults = refused(wrong)
    assert [fault.split(": ")[0] for fault in faults] == [
        *("auren:domain", "auren:proxied", "auren:sshAllowed", "auren:kafkaUiAllowed", "auren:operatorKeys"),
        "auren:dataVolumeSize",
    ]


def test_a_list_may_be_set_on_the_command_line_in_both_ways(production: Production) -> None:
    """As the README has it."""
    lists = production.configured({})
    lists.run("pulumi", "config", "set", "auren:sshAllowed", '["203.0.113.7", "198.51.100.0/24"]')
    only = {"Firewall auren-prod": "update"}
    assert planned(lists) == only
    lists.run("pulumi", "config", "rm", "auren:sshAllowed")
    lists.run("pulumi", "config", "set", "--path", "auren:sshAllowed[0]", "203.0.113.7")
    lists.run("pulumi", "config", "set", "--path", "auren:sshAllowed[1]", "198.51.100.0/24")
    assert planned(lists) == only


def test_another_vpc_range_replaces_what_is_in_the_vpc_and_loses_neither_data_nor_address(
    production: Production,
) -> None:
    plan = planned(production.configured({"vpcRange": "10.201.0.0/20", "kafkaUiAllowed": []}))
    assert {"Vpc auren-prod", "Droplet auren-prod"} <= plan.keys()
    assert not {"Volume auren-prod", "ReservedIp auren-prod", "Tag auren-prod"} & plan.keys()
    assert plan["Firewall auren-prod"] == "update", "port 8081 is closed"


def test_data_that_nobody_protects_is_given_up_with_a_warning(production: Production) -> None:
    """It is the operator's own doing; the preview must say what it means."""
    given_up = production.configured({"region": "fra1", "protectData": False})
    shown = preview(given_up)
    assert "warning: auren:region: the data volume and the address are in nyc3 and cannot move to fra1." in shown
    assert "They are not protected: this update deletes both, with all data." in shown


def test_a_smaller_disk_is_known_when_the_cloud_does_not_answer(production: Production) -> None:
    with production.clouds.raw() as http:
        fault = {"path": "^/v2/droplets/", "status": 503, "times": 50}
        http.post("/_sandbox/faults", json=fault).raise_for_status()
        try:
            (fault,) = refused(production.configured({"dropletSize": "g-2vcpu-8gb"}), DIGITALOCEAN_HTTP_RETRY_MAX="0")
        finally:
            http.delete("/_sandbox/faults").raise_for_status()
    assert fault.startswith("auren:dropletSize: the droplet is a s-2vcpu-4gb with a disk of 80 GB")


def test_a_droplet_that_is_gone_has_no_disk_to_fit(production: Production) -> None:
    """Somebody deleted it: the next `pulumi up --refresh` makes another, of any size. The last test of this stack."""
    number = json.loads(production.run("pulumi", "stack", "output", "--json"))["droplet"]["id"]
    production.clouds.digitalocean().droplets.destroy(int(number))
    shown = preview(production.configured({"dropletSize": "g-2vcpu-8gb"}), "--refresh")
    assert "nothing was touched" not in shown
