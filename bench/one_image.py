"""A deployment of one image, the API's: `pulumi up`, beside `docker compose up -d --wait` of it, typed on the machine.

Pulumi starts the new container beside the old one, in the second slot, and takes the old one away. Compose stops the
old one first. `auren:watchSeconds` and `auren:drainSeconds` are 0: how long to watch and to wait is the operator's
choice, and compose does neither.
"""

import tempfile
import time
from pathlib import Path

from auren_infra.files.paths import SLOTS
from bench import droplet, engine
from bench.container import BY_HAND
from bench.events import update_seconds
from bench.results import Comparison, Measured, Series, Unit
from sandbox.registry import without_tag
from sandbox.stack_config import IMAGES_KEY, LOCAL

SERVICE = "api"
COMMANDS = (f"auren-{LOCAL}-{SERVICE}-release", f"auren-{LOCAL}-{SERVICE}")
NO_WAITS = {"auren:watchSeconds": 0, "auren:drainSeconds": 0}


def measure(repetitions: int) -> Measured:
    stack, machine = engine.local(), droplet.local()
    entries = dict(entry.split("=", 1) for entry in stack.configuration()[IMAGES_KEY])
    typed: list[float] = []
    commands: list[float] = []
    whole: list[float] = []

    with tempfile.TemporaryDirectory(prefix="auren-bench-image-") as directory:

        def update(image: str) -> float:
            images = [f"{name}={reference}" for name, reference in {**entries, SERVICE: image}.items()]
            changed = stack.configured(Path(directory, "stack.yaml"), {**NO_WAITS, IMAGES_KEY: images})
            taken = update_seconds(changed)
            return sum(taken.get(command, 0) for command in COMMANDS)

        present, wanted = entries[SERVICE], without_tag(entries[SERVICE])
        try:
            update(present)
            for _ in range(repetitions):
                instance = machine.run("ls", SLOTS).strip() or SERVICE
                words = (present, wanted, SERVICE, "--wait", instance)
                typed.append(int(machine.run("bash", "-s", "--", *words, stdin=BY_HAND)) / 1e6)
                # Pulumi does not know what was typed: it deploys the same image once more.
                began = time.perf_counter()
                commands.append(update(wanted))
                whole.append(time.perf_counter() - began)
                print(f"  typed {typed[-1]:.2f} s, Pulumi's commands {commands[-1]:.2f} s, all of it {whole[-1]:.2f} s")
                present, wanted = wanted, present
        finally:
            # Whatever was typed last: by way of the other name, the machine is as the stack has it.
            update(without_tag(entries[SERVICE]))
            stack.update()
    return Measured(
        comparisons=(
            Comparison(
                title="A deployment of one image",
                ours=Series(
                    what="all of `pulumi up --skip-preview`, the second slot's start included", samples=tuple(whole)
                ),
                other=Series(what="`docker compose up -d --wait` of it, typed on the machine", samples=tuple(typed)),
                unit=Unit.SECONDS,
                goal=1.5,
                beside=(Series(what="Pulumi's commands for it alone", samples=tuple(commands)),),
            ),
        )
    )
