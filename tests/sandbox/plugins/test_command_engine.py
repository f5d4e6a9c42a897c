"""Commands as the real engine drives them: what connects when, what is shown, and what lies in the state."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.engine.project import Project
from tests.sandbox.plugins.sshd import Sshd, running

REMOTE = """
import json, pathlib, pulumi
from pulumi_command import remote

given = json.loads(pathlib.Path("given.json").read_text())
secret = given["command"].pop("secret_stdin", None)
command = remote.Command(
    "c",
    connection=remote.ConnectionArgs(**given["connection"]),
    stdin=pulumi.Output.secret(secret) if secret else given["command"].pop("stdin", None),
    opts=pulumi.ResourceOptions(delete_before_replace=given.get("delete_before_replace")),
    **given["command"],
)
pulumi.export("stdout", command.stdout)
"""

# A machine and what is done on it; the machine's address stays when it is replaced, as with a reserved IP.
MACHINE = """
import json, pathlib, pulumi
from pulumi_command import local, remote

given = json.loads(pathlib.Path("given.json").read_text())
machine = local.Command(
    "machine", create="echo made", triggers=[given["generation"]],
    opts=pulumi.ResourceOptions(delete_before_replace=given["delete_before_replace"]),
)
remote.Command(
    "setup",
    connection=remote.ConnectionArgs(**given["connection"]),
    create=f"echo create >> {given['journal']}", delete=f"echo delete >> {given['journal']}",
    opts=pulumi.ResourceOptions(replace_with=[machine], deleted_with=machine),
)
"""


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.create(tmp_path)


def give(project: Project, sshd: Sshd, **given: Any) -> None:
    names = {"privateKey": "private_key", "hostKey": "host_key"}
    names |= {"dialErrorLimit": "dial_error_limit", "perDialTimeout": "per_dial_timeout"}
    connection = {names.get(key, key): value for key, value in sshd.connection.items()}
    (project.folder / "program" / "given.json").write_text(json.dumps({"connection": connection, **given}))


def test_a_command_connects_only_when_something_changed(project: Project, sshd: Sshd) -> None:
    project.write(REMOTE)
    command = {"create": "cat", "delete": "echo bye", "stdin": "same\nold\n", "add_previous_output_in_env": False}
    give(project, sshd, command=command)
    sshd.connections()
    assert "+ 2 to create" in project.run("preview")
    assert sshd.connections() == 0
    project.up()
    assert sshd.connections() == 1
    assert project.outputs()["stdout"] == "same\nold"
    project.up("--expect-no-changes")
    project.run("refresh", "--yes", "--expect-no-changes")
    assert sshd.connections() == 0

    give(project, sshd, command=command | {"stdin": "same\nnew\n"})
    shown = project.run("preview", "--diff")
    assert "- old" in shown
    assert "+ new" in shown
    assert "~ 1 to update" in shown
    assert sshd.connections() == 0
    project.up()
    assert sshd.connections() == 1
    assert project.outputs()["stdout"] == "same\nnew"
    project.run("destroy", "--yes")
    assert sshd.connections() == 1


def test_secrets_are_not_in_plain_in_the_state(project: Project, sshd: Sshd) -> None:
    project.write(REMOTE)
    give(project, sshd, command={"create": "cat >/dev/null", "secret_stdin": "opensesame"})
    project.up()
    state = project.state()
    assert "opensesame" not in state
    assert "PRIVATE KEY" not in state
    give(project, sshd, command={"create": "cat >/dev/null", "secret_stdin": "shutsesame"})
    shown = project.run("preview", "--diff")
    assert "[secret]" in shown
    assert "sesame" not in shown
    assert "PRIVATE KEY" not in shown


def test_a_failure_shows_the_commands_own_words_and_the_next_up_resumes(
    project: Project, sshd: Sshd, tmp_path: Path
) -> None:
    project.write(REMOTE)
    marker = tmp_path / "works"
    command = {"create": f"echo tried; test -e {marker}"}
    give(project, sshd, command=command)
    shown = project.up(fails=True)
    assert f'error: Process exited with status 1: running "echo tried; test -e {marker}":' in shown
    assert "Traceback" not in shown
    marker.touch()
    project.up()
    marker.unlink()
    give(project, sshd, command=command | {"stdin": "changed"})
    project.up(fails=True)
    assert "~ 1 to update" in project.run("preview")
    marker.touch()
    project.up()
    project.up("--expect-no-changes")


def test_triggers_replace_and_create_runs_before_the_old_delete(project: Project, sshd: Sshd, tmp_path: Path) -> None:
    project.write(REMOTE)
    journal = tmp_path / "journal"
    command = {"create": f"echo create >> {journal}", "delete": f"echo delete >> {journal}", "update": "exit 1"}
    give(project, sshd, command=command | {"triggers": [1]})
    project.up()
    give(project, sshd, command=command | {"triggers": [2]})
    assert "+-1 to replace" in project.run("preview")
    project.up()
    assert journal.read_text().split() == ["create", "create", "delete"]


@pytest.mark.parametrize(
    ("delete_first", "expected"), [(False, ["create", "create"]), (True, ["create", "delete", "create"])]
)
def test_a_replaced_machine_gets_its_commands_again(
    project: Project, sshd: Sshd, tmp_path: Path, delete_first: bool, expected: list[str]
) -> None:
    project.write(MACHINE)
    given = {"journal": str(tmp_path / "journal"), "delete_before_replace": delete_first}
    give(project, sshd, generation=1, **given)
    project.up()
    give(project, sshd, generation=2, **given)
    project.up()
    assert (tmp_path / "journal").read_text().split() == expected
    project.up("--expect-no-changes")
    urn = project.resource("machine")["urn"]
    project.up("--replace", urn)
    assert (tmp_path / "journal").read_text().split() == expected + expected[1:]


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("local.Command('c', asset_paths=['*'])", 'An argument named "assetPaths" is not expected here'),
        ("local.Command('c', logging='loudly')", "expected one of stdout, stderr, stdoutAndStderr, none, got 'loudly'"),
        ("remote.Command('c', connection={'host': 'h', 'hostKey': 'nonsense'})", "ssh: no key found"),
    ],
)
def test_bad_properties_are_refused_in_the_preview(project: Project, command: str, shown: str) -> None:
    project.write(f"from pulumi_command import local, remote\n{command}")
    assert shown in project.run("preview", fails=True)


def test_local_commands_run_through_their_life(project: Project, tmp_path: Path) -> None:
    journal = tmp_path / "journal"

    def program(text: str) -> str:
        return f"""
        import pulumi
        from pulumi_command import local
        command = local.Command(
            "l", create="printf '%s ' $WHAT $0 $(pwd); cat", update="echo again: $PULUMI_COMMAND_STDOUT",
            delete="echo gone: $PULUMI_COMMAND_STDOUT > {journal}",
            dir="/usr", environment={{"WHAT": "{text}"}}, interpreter=["/bin/bash", "-c"], stdin="fed",
        )
        pulumi.export("stdout", command.stdout)
        """

    project.write(program("one"))
    project.up()
    assert project.outputs()["stdout"] == "one /bin/bash /usr fed"
    project.up("--expect-no-changes")
    project.write(program("two"))
    project.up()
    assert project.outputs()["stdout"] == "again: one /bin/bash /usr fed"
    project.run("destroy", "--yes")
    assert journal.read_text().startswith("gone: again: one")


def test_a_failed_local_command_tells_its_status(project: Project) -> None:
    project.write("from pulumi_command import local\nlocal.Command('l', create='echo why >&2; exit 7')")
    shown = project.up(fails=True)
    assert 'error: exit status 7: running "echo why >&2; exit 7":' in shown
    assert "why" in shown


def test_a_local_command_sees_nothing_of_the_plugin(project: Project) -> None:
    project.write("""
        import pulumi
        from pulumi_command import local
        pulumi.export("path", local.Command("l", create="echo ${PYTHONPATH-unset} $PWD").stdout)
    """)
    project.up()
    assert project.outputs()["path"] == f"unset {project.folder / 'program'}"
