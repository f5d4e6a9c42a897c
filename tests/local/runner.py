"""A runner of GitHub's: it runs the steps of the workflows, as far as they are commands."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from sandbox import environment, layout
from tests.local.deployment import STACK
from tests.review.workflows import github, shell


@dataclass
class Runner:
    """A runner of GitHub's in one job: its steps share a directory, and the variables that a step exports."""

    directory: Path
    deploy_key: str = ""

    def step(self, workflow: str, job: str, name: str) -> subprocess.CompletedProcess[str]:
        found = environment.complete(STACK)
        exported = self.directory / "exported"
        given = {
            "STACK": STACK,
            "SSH_DEPLOY_KEY": self.deploy_key,
            "RUNNER_TEMP": str(self.directory),
            "GITHUB_OUTPUT": str(self.directory / "output"),
            "GITHUB_ENV": str(exported),
            "GITHUB_RUN_ID": "4711",
            "GITHUB_RUN_ATTEMPT": "1",
            "PATH": f"{found['PATH'].partition(':')[0]}:{github(self.directory)}",
        }
        lines = exported.read_text().splitlines() if exported.exists() else []
        return subprocess.run(
            shell(workflow, job, name),
            cwd=layout.PROJECT,
            env=found | given | dict(line.split("=", 1) for line in lines),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=600,
        )

    def take_key(self, workflow: str, job: str) -> int:
        """The process id of the agent that the job starts, which a runner ends with the job."""
        done = self.step(workflow, job, "Take the deploy key")
        assert done.returncode == 0, done.stdout
        return int(re.findall(r"Agent pid (\d+)", done.stdout)[0])
