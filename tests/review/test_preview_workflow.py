"""The comment that the preview's workflow makes of a change: its own command, the real engine, production's stack."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import layout
from tests.review.conftest import LIMIT, Production
from tests.review.workflows import shell

COMMENTS = Path(__file__).parents[2] / "docs" / "comments"
COMMIT = "4f5fd18f0e2b7ac01d7c2f7d1d0c4a6b8e9f3a21"
API = "ghcr.io/auren-ai/auren-api"

Comment = Callable[..., str]


@pytest.fixture
def comment(production: Production, tmp_path: Path) -> Comment:
    """What the workflow's command writes for settings that are changed like this. No Docker daemon, no machine."""

    def written(*, status: int = 0, stack: str = "prod", **changes: object) -> str:
        command = shell("preview", "preview", "Preview")
        variables = {"STACK": stack, "COMMIT": COMMIT, "RUNNER_TEMP": str(tmp_path), "DOCKER_HOST": "unix:///nowhere"}
        production.configured(changes).run(*command, status=status, **variables)
        return (tmp_path / "comment.md").read_text()

    return written


def as_documented(name: str, comment: str) -> None:
    expected = (COMMENTS / f"{name}.md").read_text()
    assert comment == expected, f"docs/comments/{name}.md shows another comment; it has come out as:\n{comment}"


def test_a_limit_of_nginx(comment: Comment) -> None:
    as_documented("nginx-limit", comment(apiRequestsPerSecond=50))


def test_an_image(production: Production, comment: Comment) -> None:
    images = [f"{name}={image}" for name, image in production.images().items() if name in ("api", "bridge")]
    changed = [entry.replace(f"{API}:1.0.0", f"{API}:1.1.0") for entry in images]
    assert changed != images
    as_documented("image", comment(images=changed))


def test_a_rule_of_the_firewall(comment: Comment) -> None:
    as_documented("firewall-rule", comment(sshAllowed=["198.51.100.0/28"]))


def test_a_new_system_replaces_the_machine_and_says_so_in_bold(comment: Comment) -> None:
    text = comment(dropletImage="debian-12-x64")
    assert re.search(r"\*\*Replaced: Droplet `auren-prod`\*\*.*`ubuntu-22-04-x64` → `debian-12-x64`", text)
    followers = "ReservedIpAssignment `auren-prod`, VolumeAttachment `auren-prod`, Command `release`"
    assert f"- **Replaced with it:** {followers}\n" in text
    assert re.search(r"\*\*Replaced: [0-9]+ commands\*\*, which run again on the new machine: .*\bapi-release,", text)
    assert re.search(r"^\*\*[0-9]+ replaced\*\*\.$", text, re.MULTILINE)


def test_a_configuration_that_is_refused(comment: Comment) -> None:
    text = comment(status=1, region="mars", sshAllowed=["home"])
    assert "## The preview of 4f5fd18f0e for `prod` failed: merged, this would not be deployed" in text
    assert "auren:region: " in text
    assert "auren:sshAllowed[0]: " in text


def test_a_broken_rule(comment: Comment) -> None:
    text = comment(status=1, protectData=False)
    assert "### **Refused** by the rules\n\n**volume-unprotected**\n" in text


def test_nothing(production: Production, comment: Comment) -> None:
    assert comment().startswith("## A merge of 4f5fd18f0e changes nothing in `prod`\n")


def test_the_stack_by_its_whole_name(comment: Comment) -> None:
    assert comment(stack="organization/auren/prod").startswith("## A merge of 4f5fd18f0e changes nothing in `prod`\n")


def test_a_preview_that_could_not_be_made_writes_no_comment(production: Production, tmp_path: Path) -> None:
    command = shell("preview", "preview", "Preview")
    variables = {"STACK": "nobody", "COMMIT": COMMIT, "RUNNER_TEMP": str(tmp_path)}
    production.run(*command, status=2, **variables)
    assert not (tmp_path / "comment.md").exists()


@pytest.mark.parametrize(
    ("passphrase", "said"), [("", "passphrase must be set"), ("another", "incorrect passphrase")], ids=["none", "wrong"]
)
def test_no_preview_is_made_without_the_passphrase_of_the_states_secrets(
    production: Production, passphrase: str, said: str
) -> None:
    """So a preview of a pull request can read the stack's secrets, and waits for an approval."""
    variables = {name: value for name, value in production.variables.items() if name != "PULUMI_CONFIG_PASSPHRASE"}
    given = {"PULUMI_CONFIG_PASSPHRASE": passphrase} if passphrase else {}
    done = subprocess.run(
        ["pulumi", "preview", "--non-interactive"],
        cwd=layout.PROJECT,
        env=variables | given,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )
    assert done.returncode != 0
    assert said in done.stderr


def test_no_secret_is_in_a_comment(production: Production, comment: Comment) -> None:
    """A new machine shows everything that is sent to it."""
    text = comment(dropletImage="debian-12-x64")
    state = production.run("pulumi", "stack", "export", "--show-secrets")
    passwords = set(re.findall(r'"plaintext": ?"\\"(\w{32})\\""', state))
    assert len(passwords) == 3, "of PostgreSQL, of Redis, and the key of the digests"
    assert not [password for password in passwords if password in text]
    assert "PRIVATE KEY" not in text
