"""Cuts of a deployment whose script stands still: what they are, and how the next deployment completes it."""

import subprocess
import time
from dataclasses import dataclass

from tests.local.all_services.drift import RIGHT, drift
from tests.local.all_services.standing import Standing, Step, standing_at
from tests.local.all_services.visitors import Visitors
from tests.local.cloud import act
from tests.local.deployment import DOMAIN, UP, Deployment
from tests.local.host import Host, wait_for

FAULTS = ("the engine is killed", "the connection is cut", "the script is killed", "the power is cut")
REACHED_WITHIN = 120
BACK_WITHIN = 180
"""Seconds from the power's return until all services are healthy."""
ENDS_WITHIN = 300
"""Seconds until an update has noticed that its connection is dead."""


@dataclass
class Cut:
    deployment: Deployment
    host: Host
    script: Standing
    update: subprocess.Popen[str]
    visitors: Visitors

    def happens(self, fault: str) -> None:
        match fault:
            case "the engine is killed":
                self._kill_the_engine()
            case "the connection is cut":
                self.script.cut()
                self.script.go_on()
                self._await_failure()
            case "the script is killed":
                self.script.kill()
                self._await_failure()
            case "the power is cut":
                with self.visitors.away():
                    act(self.host.droplet, "power_cycle")
                    wait_for(lambda: _all_work(self.deployment, self.host), BACK_WITHIN)
                self._await_failure()
            case _:
                raise ValueError(fault)

    def await_step(self) -> None:
        deadline = time.monotonic() + REACHED_WITHIN
        while not self.script.is_reached(2):
            assert self.update.poll() is None, f"it ended before the step:\n{self.update.communicate()[0]}"
            assert time.monotonic() < deadline, "the step was not reached"

    def leave_nothing(self) -> None:
        """If anything else has failed, the update still runs."""
        if self.update.poll() is None:
            self._kill_the_engine()

    def _kill_the_engine(self) -> None:
        """With all that it has started, as when its machine fails. The script goes on. docs/state.md names the rest."""
        subprocess.run(["pkill", "-KILL", "--session", str(self.update.pid)], check=True, timeout=30)
        self.update.wait(timeout=30)
        self.script.go_on()
        self.deployment.pulumi("cancel", "--yes")

    def _await_failure(self) -> None:
        printed, _ = self.update.communicate(timeout=ENDS_WITHIN)
        assert self.update.returncode, printed


def _all_work(deployment: Deployment, host: Host) -> bool:
    """A cut may leave another container of a service in its other slot."""
    healths = host.healths()
    return bool(healths) and all(healths.get(name) == "running healthy" for name in _live(deployment, host))


def _live(deployment: Deployment, host: Host) -> list[str]:
    return host.all_live(service.name for service in deployment.services())


def deploy_after_a_cut(deployment: Deployment, host: Host, step: Step, fault: str) -> None:
    """A deployment is cut at the step. The next one completes it, and no visitor has noticed anything."""
    with Visitors(deployment.outputs()["address"], DOMAIN) as visitors:
        with standing_at(host, step) as script, deployment.begun(*UP) as update:
            cut = Cut(deployment, host, script, update, visitors)
            try:
                cut.await_step()
                cut.happens(fault)
            finally:
                cut.leave_nothing()
        deployment.up()
        host.wait_until_healthy(_live(deployment, host), 120)
    assert visitors.failed() == {}, visitors.answers
    assert visitors.answers[200] > 50
    assert drift() == (0, RIGHT)
    assert deployment.planned() == {}
