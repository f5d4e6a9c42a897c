"""What a shell gets from `python -m sandbox env`."""

import json
import os
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from sandbox import layout
from sandbox.environment import CONFLICTING, passphrase, shell_text, variables


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "a state with 'quotes' and $(spaces)"
    folder.mkdir()
    tokens = {"digitalocean": "dop_v1_" + "0" * 64, "cloudflare": "c" * 40}
    (folder / "tokens.json").write_text(json.dumps(tokens))
    return folder


def evaluated(text: str, environment: Mapping[str, str]) -> dict[str, str]:
    done = subprocess.run(
        ["sh", "-c", 'eval "$TEXT"; unset TEXT; env -0'],
        env={**environment, "TEXT": text},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(entry.split("=", 1) for entry in done.stdout.split("\0") if entry)


def test_any_shell_reads_it_whatever_is_in_the_names(state: Path) -> None:
    found = variables("local", state)
    assert evaluated(shell_text(found), {"PATH": os.environ["PATH"]}).items() >= found.items()


def test_the_sandboxs_programs_come_first_and_once(state: Path) -> None:
    once = variables("local", state, {"PATH": "/usr/bin:/bin"})["PATH"]
    assert once == f"{state}/bin:/usr/bin:/bin"
    assert variables("local", state, {"PATH": once})["PATH"] == once


def test_what_would_reach_real_clouds_or_other_keys_is_unset(state: Path) -> None:
    caller = {"PATH": os.environ["PATH"]} | dict.fromkeys(CONFLICTING, "real")
    assert not evaluated(shell_text(variables("local", state)), caller).keys() & set(CONFLICTING)


def test_pulumi_is_led_to_this_machine(state: Path) -> None:
    found = variables("prod", state)
    assert found["PULUMI_BACKEND_URL"] == f"file://{state}/backend"
    assert found["PULUMI_STACK"] == "prod"
    assert found["PULUMI_OPTION_CONFIG_FILE"] == f"{state}/Pulumi.prod.yaml"
    assert found["DIGITALOCEAN_API_URL"] == "http://127.0.0.1:8600"
    assert found["CLOUDFLARE_BASE_URL"] == "http://127.0.0.1:8600/client/v4"


def test_docker_is_named_only_when_the_daemon_is_our_own(state: Path) -> None:
    assert "DOCKER_HOST" not in variables("local", state)
    (state / "docker-host").write_text("unix:///var/run/docker.sock\n")
    assert "DOCKER_HOST" not in variables("local", state)
    (state / "docker-host").write_text(f"unix://{layout.DOCKER_SOCKET}\n")
    assert variables("local", state)["DOCKER_HOST"] == f"unix://{layout.DOCKER_SOCKET}"


def test_the_apis_are_not_asked_through_a_proxy(state: Path) -> None:
    assert "NO_PROXY" not in variables("local", state, {"PATH": "/bin"})
    found = variables("local", state, {"PATH": "/bin", "HTTP_PROXY": "http://p:1", "NO_PROXY": "intern,127.0.0.1"})
    assert found["NO_PROXY"] == found["no_proxy"] == "127.0.0.1,intern"


def test_the_simulated_edge_is_trusted_beside_what_the_caller_trusts(state: Path, tmp_path: Path) -> None:
    assert "SSL_CERT_FILE" not in variables("local", state, {"SSL_CERT_FILE": "/etc/own.pem"}), (
        "nothing was started yet"
    )
    authority = state / "edge" / "authority.pem"
    authority.parent.mkdir()
    authority.write_text("the edge's")
    for absent in ({}, {"SSL_CERT_FILE": str(authority)}, {"SSL_CERT_FILE": "/nowhere"}):
        assert variables("local", state, absent)["SSL_CERT_FILE"] == str(authority)
    own = tmp_path / "own.pem"
    own.write_text("the caller's")
    both = variables("local", state, {"SSL_CERT_FILE": str(own)})["SSL_CERT_FILE"]
    assert Path(both).read_text().split("\n") == ["the caller's", "the edge's"]
    again = variables("local", state, {"SSL_CERT_FILE": both})["SSL_CERT_FILE"]
    assert again == both
    assert Path(both).read_text().count("the edge's") == 1


def test_the_simulated_spaces_is_trusted_as_well(state: Path) -> None:
    edge, spaces = state / "edge" / "authority.pem", state / "spaces" / "certificates" / "ca.pem"
    for authority, text in ((edge, "the edge's"), (spaces, "Spaces'")):
        authority.parent.mkdir(parents=True)
        authority.write_text(text)
    both = variables("local", state, {})["SSL_CERT_FILE"]
    assert Path(both).read_text().split("\n") == ["the edge's", "Spaces'"]
    for again in (both, str(edge), str(spaces)):
        assert variables("local", state, {"SSL_CERT_FILE": again})["SSL_CERT_FILE"] == both
    assert variables("local", state, {})["SANDBOX_SPACES_PROXY"] == "http://127.0.0.1:8609"


def test_the_passphrase_is_made_once_and_private(state: Path) -> None:
    made = passphrase(state)
    assert len(made) >= 32
    assert passphrase(state) == made
    assert stat.S_IMODE((state / "passphrase").stat().st_mode) == 0o600
    assert not [file for file in state.iterdir() if file.name.startswith(".")]
