"""How a preview grows with services and with droplets, beside what the engine itself costs a resource."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from auren_infra.services.catalogue import described
from auren_infra.settings import Settings
from bench import engine
from bench.engine import Pulumi, to_create
from bench.results import Line, Measured, Point
from bench.samples import alternate, seconds
from sandbox import layout

SERVICES = "services"
DROPLETS = "droplets"
PLAIN = "plain resources"
SETS = (1, 2, 4, 7, 10)
"""Of all services."""
MACHINES = (1, 5, 10, 15, 20)
RESOURCES = (50, 150, 250, 400)


@dataclass(frozen=True)
class Step:
    """A point of a line, as it will be measured."""

    line: str
    count: int
    stack: Pulumi

    @property
    def name(self) -> str:
        return f"{self.count} {self.line}"


def measure(repetitions: int) -> Measured:
    local = engine.local().configuration()
    # Relative to the project, which the programs are not in.
    here = {
        key: str(layout.PROJECT / local.get(key, default))
        for key, default in {"auren:website": "website", "auren:sqlInit": "sql/init"}.items()
    }
    services = len(described(Settings.model_construct()))
    with contextlib.ExitStack() as programs:
        grown = programs.enter_context(engine.program("grown"))
        plain = programs.enter_context(engine.program("plain"))

        def step(line: str, count: int, stack: Pulumi, configuration: Mapping[str, object]) -> Step:
            return Step(line, count, stack.configured(stack.project / f"{line}-{count}.yaml", configuration))

        steps = [
            *(
                step(SERVICES, services * n, grown, {**local, **here, "bench:sets": n, "bench:droplets": 1})
                for n in SETS
            ),
            *(step(DROPLETS, n, grown, {**local, **here, "bench:sets": 1, "bench:droplets": n}) for n in MACHINES),
            *(step(PLAIN, n, plain, {"bench:count": n}) for n in RESOURCES),
        ]
        resources: dict[str, int] = {}

        def preview(step: Step) -> None:
            resources[step.name] = to_create(step.stack.preview())

        taken = alternate(repetitions, {step.name: seconds(partial(preview, step)) for step in steps})
    return Measured(
        lines=tuple(
            Line(
                what=line,
                points=tuple(
                    Point(count=step.count, resources=resources[step.name], samples=tuple(taken[step.name]))
                    for step in steps
                    if step.line == line
                ),
            )
            for line in (SERVICES, DROPLETS, PLAIN)
        )
    )
