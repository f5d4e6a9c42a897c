"""A deployment of one image, the API's: `pulumi up`, beside `docker compose up -d --wait` of it, typed on the machine.

Pulumi starts the new container beside the old one, in the second slot, and takes the old one away. Compose stops the
old one first. `auren:watchSeconds` and `auren:drainSeconds` are 0: how long to watch and to wait is the operator's
choice, and compose does neither.
"""

from auren_infra.files.paths import SLOTS
from bench import droplet, engine, renamed
from bench.results import Comparison, Measured, Series, Unit

SERVICE = "api"
NO_WAITS = {"auren:watchSeconds": 0, "auren:drainSeconds": 0}


def measure(repetitions: int) -> Measured:
    machine = droplet.local()

    def words() -> tuple[str, ...]:
        return "--wait", machine.run("ls", SLOTS).strip() or SERVICE

    taken = renamed.measure(engine.local(), machine, SERVICE, repetitions, words=words, settings=NO_WAITS)
    typed, commands, whole = zip(*taken, strict=True)
    return Measured(
        comparisons=(
            Comparison(
                title="A deployment of one image",
                ours=Series(what="all of `pulumi up --skip-preview`, the second slot's start included", samples=whole),
                other=Series(what="`docker compose up -d --wait` of it, typed on the machine", samples=typed),
                unit=Unit.SECONDS,
                goal=1.5,
                beside=(Series(what="Pulumi's commands for it alone", samples=commands),),
            ),
        )
    )
