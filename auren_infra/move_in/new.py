"""The stack's machine, to which the data comes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from auren_infra.host.lock import HeldError, UnreachableError, hold, this_run
from auren_infra.host.machine import script
from auren_infra.host.orders import Order
from auren_infra.outputs import StackOutputs, machine
from auren_infra.outputs.machine import MachineError

SECONDS = 6 * 3600
"""Nobody waits longer for a step there: a copy over a slow line takes hours."""


class NewMachineError(RuntimeError):
    """The stack's machine did not do what it was asked; the text says why."""


@dataclass(frozen=True)
class NewMachine:
    outputs: StackOutputs

    def ask(self, *command: str, data: str = "") -> str:
        """What `move_in.sh` prints. Raises `NewMachineError`."""
        return self._run("move_in", *command, data=data)

    def repeat(self, orders: Iterable[Order]) -> None:
        """Carry out orders of the last update again: they are of the data that was there. Raises `NewMachineError`."""
        for order in orders:
            self._run(order.id, *map(str, order.arguments()), data=str(order.data()))

    def back_up(self) -> str:
        """A full backup of all stores, with `auren:backups`. Raises `NewMachineError`."""
        return self._ended(["auren-backup", "run", "full"])

    def hold(self) -> None:
        """Keep deployments away until this process ends. Raises `NewMachineError`."""
        _, _, host_key = self.outputs.ssh.known_hosts.strip().partition(" ")
        key = self.outputs.ssh_private_key.get_secret_value()
        try:
            hold(self.outputs.ssh.host, key and key.rstrip("\n") + "\n", host_key, this_run())
        except (HeldError, UnreachableError) as error:
            raise NewMachineError(str(error)) from None

    def _run(self, name: str, *arguments: str, data: str) -> str:
        return self._ended(["bash", "-s", "--", *arguments], script(name) + data)

    def _ended(self, command: Sequence[str], data: str = "") -> str:
        try:
            done = machine.ask(self.outputs, *command, data=data, seconds=SECONDS)
        except MachineError as error:
            raise NewMachineError(str(error)) from None
        if done.returncode:
            raise NewMachineError(
                done.stderr.strip() or f"The machine ended with exit status {done.returncode} and said nothing."
            )
        return done.stdout
