"""One changed container, Redis: Pulumi's two commands for it, beside `docker compose up -d` typed on the machine."""

from bench import droplet, engine, renamed
from bench.results import Comparison, Measured, Series, Unit

SERVICE = "redis"


def measure(repetitions: int) -> Measured:
    taken = renamed.measure(engine.local(), droplet.local(), SERVICE, repetitions, words=lambda: (SERVICE,))
    typed, commands, whole = zip(*taken, strict=True)
    return Measured(
        comparisons=(
            Comparison(
                title="One changed container",
                ours=Series(what="Pulumi's commands for it: SSH, the change, healthy again", samples=commands),
                other=Series(what="`docker compose up -d` of it, typed on the machine", samples=typed),
                unit=Unit.SECONDS,
                goal=1.5,
                beside=(Series(what="all of `pulumi up --skip-preview`", samples=whole),),
            ),
        )
    )
