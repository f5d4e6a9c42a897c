"""What a look at an unchanged stack costs: a preview, and an update that finds nothing to do."""

from bench import droplet, engine
from bench.results import Comparison, Measured, Series, Unit
from bench.samples import alternate, seconds

EMPTY = "`pulumi preview` of an empty program that imports the same SDKs"
PREVIEW = "`pulumi preview`, no change"
UPDATE = "`pulumi up --skip-preview`, no change"
UP = "`pulumi up`, no change: a preview, then the update"


def measure(repetitions: int) -> Measured:
    stack, machine = engine.local(), droplet.local()
    with engine.program("empty") as empty:
        empty.update()
        before = machine.logins()
        taken = alternate(
            repetitions,
            {
                EMPTY: seconds(empty.preview),
                PREVIEW: seconds(stack.preview),
                UPDATE: seconds(lambda: stack.update("--expect-no-changes")),
                UP: seconds(lambda: stack.up("--expect-no-changes")),
            },
        )
        logins = Series(what="SSH connections in all of these", samples=(machine.logins() - before,))
    empty_preview, preview, update, up = (Series(what=what, samples=tuple(taken[what])) for what in taken)
    return Measured(
        comparisons=(
            Comparison(title="Preview, no change", ours=preview, other=empty_preview, unit=Unit.SECONDS, goal=1.25),
            Comparison(
                title="Update, no change",
                ours=update,
                other=preview,
                unit=Unit.SECONDS,
                goal=1.2,
                beside=(up, logins),
            ),
        )
    )
