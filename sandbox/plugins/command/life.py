"""What local and remote commands have in common: which of the three commands runs when, and what is kept of it."""

import json
import secrets
from abc import abstractmethod

from sandbox.plugins.command.output import Output
from sandbox.plugins.resource import Operation, RefusedError, Resource, State
from sandbox.plugins.values import Values


class CommandFailedError(RefusedError):
    """A command ended badly: its own words are the message, as the official plugin puts them.

    Everything that the command printed is in it, so that an operator sees why, and so is the command: a secret
    belongs into neither.
    """

    def __init__(self, reason: str, command: str, printed: str) -> None:
        super().__init__(f"{reason}: running {json.dumps(command, ensure_ascii=False)}:\n{printed}")


class Command(Resource):
    """Runs `create`, later `update` (or `create` again), in the end `delete`; nothing can be looked up between.

    A failed create makes no resource and a failed update leaves the old state: the next `up` runs it again.
    """

    renewed = frozenset({"stdout", "stderr"})

    async def create(self, operation: Operation, inputs: Values) -> State:
        state = State(_new_id(operation.urn), {**inputs, "stdout": "", "stderr": ""})
        return await self._after(operation, inputs.get("create"), state)

    async def update(self, operation: Operation, state: State, inputs: Values) -> State:
        previous = {name: state.outputs.get(name, "") for name in ("stdout", "stderr")}
        command = inputs.get("update", inputs.get("create"))
        return await self._after(operation, command, State(state.id, {**inputs, **previous}))

    async def delete(self, operation: Operation, state: State) -> None:
        await self._after(operation, state.outputs.get("delete"), state)

    async def _after(self, operation: Operation, command: str | None, state: State) -> State:
        """The state once the command has run, unchanged when there is none to run."""
        if command is None:
            return state
        output = Output(operation.log, state.outputs.get("logging", "stdoutAndStderr"))
        async with output:
            await self.run(operation, command, state.outputs, output)
        return State(state.id, {**state.outputs, "stdout": output.stdout, "stderr": output.stderr})

    @abstractmethod
    async def run(self, operation: Operation, command: str, properties: Values, output: Output) -> None:
        """Run one command to its end; raises `CommandFailedError`, or `RefusedError` when it never began."""


def previous_output(properties: Values) -> dict[str, str]:
    """What the last run printed, for the environment of the next; `addPreviousOutputInEnv` is on unless set."""
    if not properties.get("addPreviousOutputInEnv", True):
        return {}
    names = {"PULUMI_COMMAND_STDOUT": "stdout", "PULUMI_COMMAND_STDERR": "stderr"}
    return {variable: text for variable, name in names.items() if (text := properties.get(name))}


def _new_id(urn: str) -> str:
    return urn.rpartition("::")[2] + secrets.token_hex(4)
