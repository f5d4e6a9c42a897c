"""People who share a state: each with a home, a checkout and a key of their own, on one bucket."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.sandbox.engine.project import Project
from tests.state import spaces
from tests.state.spaces import Spaces

ROOT = Path(__file__).parents[2]
BUCKET = "auren-state"
LIMIT = 120
PROGRAM = """
    import pulumi
    import pulumi_random as random

    account = random.RandomPassword("account", length=8, special=False)
    replaced = pulumi.ResourceOptions(replace_with=[account])  # as AUREN's commands have it with their machine
    password = random.RandomPassword("password", length=20, special=False, opts=replaced)
    pulumi.export("password", password.result)
"""


@dataclass
class Team:
    """An account with a bucket that is fit to hold a state."""

    folder: Path
    account: Spaces
    login: str
    """What `pulumi login` is given."""

    def member(self, name: str, rights: str, checkout: Project | None = None) -> Project:
        """Somebody who has a key of these rights and is not logged in; with another's checkout, if one is given."""
        folder = self.folder / name
        config = folder / "program" / "Pulumi.prod.yaml"
        project = Project.prepare(
            folder, PULUMI_STACK="prod", PULUMI_OPTION_CONFIG_FILE=str(config), **self.account.environment(rights)
        )
        del project.environment["PULUMI_BACKEND_URL"]
        if checkout is None:
            (folder / "program" / "Pulumi.yaml").write_text("name: auren\nruntime: python\n")
            project.write(PROGRAM)
        else:
            shutil.copytree(checkout.folder / "program", folder / "program", dirs_exist_ok=True)
        return project

    def versions(self) -> list[dict[str, Any]]:
        """Each version of each file in the bucket, the newest first."""
        client = self.account.client()
        pages = client.get_paginator("list_object_versions").paginate(Bucket=BUCKET)
        found = [version for page in pages for version in page.get("Versions", [])]
        client.close()
        return found

    def text(self, version: dict[str, Any]) -> str:
        client = self.account.client()
        found = client.get_object(Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"])["Body"].read()
        client.close()
        return found.decode()

    def files(self, below: str) -> list[str]:
        """The names of the files that are there now."""
        client = self.account.client()
        found = client.list_objects_v2(Bucket=BUCKET, Prefix=below).get("Contents", [])
        client.close()
        return [each["Key"] for each in found]


@contextmanager
def sharing(folder: Path) -> Iterator[Team]:
    """A team whose bucket was made by the command that docs/state.md names."""
    with spaces.running(folder / "spaces") as account:
        made = state("create", "--bucket", BUCKET, "--region", spaces.REGION, environment=account.environment("full"))
        command, address = made.strip().split(maxsplit=2)[1:]
        assert command == "login"
        yield Team(folder, account, address.strip("'"))


def state(*arguments: str, environment: dict[str, str]) -> str:
    """What `python -m auren_infra state` prints."""
    return subprocess.run(
        [sys.executable, "-m", "auren_infra", "state", *arguments],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"} | environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=LIMIT,
    ).stdout
