"""A preview of the stack, and the engine's events of it as far as a reviewer needs them.

The events are those of Pulumi's Automation API. They have what `preview --json` has not: what the policy pack found.
The engine hides each secret in them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

from pulumi import automation
from pulumi.automation.events import EngineEvent, OpType, StepEventMetadata, StepEventStateMetadata

from auren_infra.outputs.stack_name import PROJECT, StackName

POLICY_PACK = str(PROJECT / "policy")

_SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key that marks a value of a kind of its own, such as a secret, in the engine's JSON."""
_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What stands there for a text that only the update will know."""

_PARTS_OF_A_REPLACEMENT = frozenset({OpType.CREATE_REPLACEMENT, OpType.DELETE_REPLACED})
_WITHOUT_CHANGE = frozenset({OpType.SAME, OpType.READ, OpType.REFRESH})


class Hidden(Enum):
    """A value that cannot be shown."""

    SECRET = "(secret)"
    LATER = "(known only during the update)"


@dataclass(frozen=True)
class Step:
    """What will be done to one resource."""

    op: str
    """create, update, replace, delete; or import and the like."""
    urn: str
    type: str
    old: Mapping[str, Any] | None
    """The inputs as deployed, with `Hidden` in them. None: there is no such resource yet."""
    new: Mapping[str, Any] | None
    """The inputs as they will be. None: there will be no such resource."""
    replaced_for: tuple[str, ...] = ()
    """The inputs whose change needs the replacement; empty when it follows another resource's."""
    changed: tuple[str, ...] = ()
    """The inputs that change, also those that are hidden before and after."""
    printed: str = ""
    """What a command has printed when it ran last."""
    tainted: bool = False
    """Whether the state says that it has to be made again, as after a rollback."""

    @property
    def kind(self) -> str:
        """The type's own name: `Droplet`."""
        return self.type.rpartition(":")[2]

    @property
    def name(self) -> str:
        """The resource's own name, without what all names of the stack begin with."""
        stack = self.urn.split(":")[2]
        return self.urn.rpartition("::")[2].removeprefix(f"auren-{stack}-")


@dataclass(frozen=True)
class Finding:
    """What a rule of the policy pack found."""

    rule: str
    mandatory: bool
    message: str


@dataclass(frozen=True)
class Preview:
    """One preview, as it went."""

    stack: str
    succeeded: bool
    steps: tuple[Step, ...] = ()
    """By their URNs, without what stays as it is: the engine's own order is another one each time."""
    findings: tuple[Finding, ...] = ()
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def preview(stack: StackName, say: automation.OnOutput) -> Preview:
    """Preview the stack with this checkout, held to the rules; what the engine prints is passed on line by line.

    A preview that fails is told of like any other. Raises `automation.CommandError` when there was none: no such stack,
    no engine, no way to the state.
    """
    seen: list[EngineEvent] = []
    selected = automation.select_stack(stack.for_pulumi, work_dir=str(PROJECT))
    try:
        selected.preview(policy_packs=[POLICY_PACK], color="never", on_output=say, on_event=seen.append)
    except automation.CommandError:
        if not any(event.diagnostic_event or event.policy_event for event in seen):
            raise
        return read(stack.name, False, seen)
    return read(stack.name, True, seen)


def read(stack: str, succeeded: bool, events: Iterable[EngineEvent]) -> Preview:
    """What the events tell."""
    steps: dict[tuple[str, bool], Step] = {}
    findings: list[Finding] = []
    said: dict[str, list[str]] = {"error": [], "warning": []}
    for event in events:
        if pre := event.resource_pre_event:
            step = pre.metadata
            if step.op not in _WITHOUT_CHANGE | _PARTS_OF_A_REPLACEMENT:
                steps[step.urn, step.op == OpType.DELETE] = _step(step)
        elif found := event.policy_event:
            mandatory = found.enforcement_level == "mandatory"
            findings.append(Finding(found.policy_name, mandatory, found.message.strip()))
        elif (told := event.diagnostic_event) and told.severity in said:
            said[told.severity].append(told.message.strip())
    return Preview(
        stack,
        succeeded,
        steps=tuple(steps[key] for key in sorted(steps)),
        findings=tuple(sorted(findings, key=lambda finding: (finding.rule, finding.message))),
        errors=_once(said["error"]),
        warnings=_once(said["warning"]),
    )


def _step(metadata: StepEventMetadata) -> Step:
    return Step(
        op=metadata.op.value,
        urn=metadata.urn,
        type=metadata.type,
        old=_inputs(metadata.old),
        new=_inputs(metadata.new),
        replaced_for=tuple(metadata.keys or ()),
        changed=tuple(metadata.diffs or ()),
        printed=_printed(metadata.old),
        tainted=bool(metadata.old and metadata.old.taint),
    )


def _printed(state: StepEventStateMetadata | None) -> str:
    printed = ((state and state.outputs) or {}).get("stdout")
    return printed if isinstance(printed, str) else ""


def _inputs(state: StepEventStateMetadata | None) -> dict[str, Any] | None:
    if state is None:
        return None
    inputs: Mapping[str, Any] = state.inputs or {}  # a deleted resource may have none
    return {name: _shown(value) for name, value in inputs.items() if not name.startswith("__")}


def _shown(value: Any) -> Any:
    match value:
        case dict():
            members = cast("dict[str, Any]", value)
            if _SIGNATURE in members:
                return Hidden.SECRET
            return {name: _shown(member) for name, member in members.items()}
        case list():
            return [_shown(item) for item in cast("list[Any]", value)]
        case _:
            return Hidden.LATER if value == _UNKNOWN else value


def _once(messages: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(messages))
