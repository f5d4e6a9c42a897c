"""Each format in the hands of the tool that it is for."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import dotenv
import yaml

from tests.outputs.conftest import Write
from tests.sandbox.plugins.sshd import Sshd
from tests.unit.rehearsal import ADDRESS, NAME

Outputs = dict[str, Any]
LogIn = Callable[[Outputs], Path]

ANSIBLE = Path(sys.executable).parent
LIMIT = 120


def _run(command: Sequence[str | Path], **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name != "SSH_AUTH_SOCK"}
    return subprocess.run(
        command,
        env=inherited | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )


def _ansible(program: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # An empty configuration of our own, else it would look for one where it is called; its home is for temporary files.
    home = folder / "ansible"
    home.mkdir()
    (home / "ansible.cfg").touch()
    return _run(
        [ANSIBLE / program, "-i", folder / "inventory.json", *arguments],
        ANSIBLE_HOME=str(home),
        ANSIBLE_CONFIG=str(home / "ansible.cfg"),
        ANSIBLE_NOCOLOR="1",
        ANSIBLE_SSH_USETTY="false",  # only root's sshd may hand out a terminal
        LC_ALL="C.UTF-8",
    )


def _promtool(promtool: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    job = {"job_name": "auren", "file_sd_configs": [{"files": ["targets.json"]}]}
    configuration = folder / "prometheus.yml"
    configuration.write_text(yaml.safe_dump({"scrape_configs": [job]}))
    return _run([promtool, "check", "config", configuration])


def test_ssh_understands_the_configuration(given: Outputs, write: Write, tmp_path: Path) -> None:
    folder = write(given, "ssh", "--write-key", str(tmp_path / "key"))
    understood = _run(["ssh", "-G", "-F", folder / "config", NAME])
    assert understood.returncode == 0, understood.stderr
    assert {
        f"hostname {ADDRESS}",
        "user root",
        "port 22",
        f"hostkeyalias {NAME}",
        "stricthostkeychecking true",
        f"userknownhostsfile {folder}/known_hosts",
        f"identityfile {tmp_path}/key",
        "identitiesonly yes",
    } <= set(understood.stdout.splitlines())


def test_ssh_logs_in_with_the_key_and_the_known_host(reachable: Outputs, log_in: LogIn) -> None:
    done = _run(["ssh", "-F", log_in(reachable), "-o", "BatchMode=yes", NAME, "echo inside"])
    assert done.stdout == "inside\n", done.stderr


def test_ssh_logs_in_past_what_is_set_for_all_hosts(reachable: Outputs, log_in: LogIn, tmp_path: Path) -> None:
    """A bastion, a connection that is open, an agent that is gone, a cipher that no server has."""
    own = tmp_path / "own"
    own.write_text(
        f'Include "{log_in(reachable)}"\n'
        "Host *\n"
        "    ProxyJump bastion.invalid\n"
        f"    ControlPath {tmp_path}/master\n"
        "    ControlMaster auto\n"
        f"    IdentityAgent {tmp_path}/agent\n"
        f"    UserKnownHostsFile {tmp_path}/others\n"
        "    User nobody\n"
        "    Ciphers 3des-cbc\n"
        "    PreferredAuthentications password\n"
        "    RemoteCommand echo other\n"
        "    SendEnv OTHER\n"
    )
    done = _run(["ssh", "-F", own, "-o", "BatchMode=yes", NAME, "echo inside"])
    assert done.stdout == "inside\n", done.stderr
    assert not (tmp_path / "master").exists()


def test_ssh_refuses_a_machine_with_another_key(reachable: Outputs, log_in: LogIn, machine: Sshd) -> None:
    kind, key, *_ = machine.text("stranger.pub").split()
    ssh = reachable["ssh"] | {"knownHosts": f"{reachable['ssh']['host']} {kind} {key}"}
    done = _run(["ssh", "-F", log_in(reachable | {"ssh": ssh}), "-o", "BatchMode=yes", NAME, "echo inside"])
    assert done.returncode == 255
    assert "Host key verification failed" in done.stderr
    assert done.stdout == ""


def test_ansible_understands_the_inventory(given: Outputs, write: Write) -> None:
    folder = write(given, "ansible")
    listed = _ansible("ansible-inventory", folder, "--list")
    assert listed.returncode == 0, listed.stderr
    assert "WARNING" not in listed.stderr
    understood = json.loads(listed.stdout)
    assert understood["auren"] == {"children": ["auren_test"]}
    assert understood["auren_test"] == {"hosts": [NAME]}
    variables = understood["_meta"]["hostvars"][NAME]
    assert (variables["ansible_host"], variables["ansible_user"]) == (ADDRESS, "root")
    arguments = shlex.split(variables["ansible_ssh_common_args"])
    assert f'UserKnownHostsFile="{str(folder).replace("%", "%%")}/known_hosts"' in arguments


def test_ansible_runs_a_command_on_the_machine(reachable: Outputs, write: Write, machine: Sshd, tmp_path: Path) -> None:
    folder = write(reachable, "ansible", "--write-key", str(tmp_path / "the key"))
    done = _ansible("ansible", folder, "auren", "-m", "raw", "-a", "echo {{ auren_containers.nginx }}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{NAME} | CHANGED | rc=0" in done.stdout
    assert "auren-nginx" in done.stdout


def test_promtool_takes_the_targets(given: Outputs, write: Write, promtool: Path) -> None:
    checked = _promtool(promtool, write(given, "prometheus"))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "SUCCESS" in checked.stdout


def test_promtool_looks_into_the_targets_file(given: Outputs, write: Write, promtool: Path) -> None:
    """Else the test above would pass with any file."""
    folder = write(given, "prometheus")
    groups = json.loads((folder / "targets.json").read_text())
    groups[0]["labels"]["no-label"] = "x"
    (folder / "targets.json").write_text(json.dumps(groups))
    assert _promtool(promtool, folder).returncode != 0


def test_a_dashboards_build_and_a_shell_read_the_same(given: Outputs, write: Write) -> None:
    file = write(given, "dotenv") / ".env"
    read = dotenv.dotenv_values(file)
    assert read["VITE_API_URL"] == "https://aupex.ai/api"
    shell = _run(["env", "-i", "sh", "-c", 'set -a; . "$0"; env', file])
    variables = dict(line.split("=", 1) for line in shell.stdout.splitlines())
    assert read == {name: value for name, value in variables.items() if name in read}
