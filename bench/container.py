"""One changed container: Pulumi's two commands for it, beside `docker compose up -d` typed on the machine.

Redis gets its own image by another name (the digest without the tag) and back again: nothing is new but the change.
"""

import tempfile
import time
from pathlib import Path

from bench import droplet, engine
from bench.events import update_seconds
from bench.results import Comparison, Measured, Series, Unit
from sandbox.registry import without_tag
from sandbox.stack_config import IMAGES_KEY, LOCAL

SERVICE = "redis"
COMMANDS = (f"auren-{LOCAL}-{SERVICE}-release", f"auren-{LOCAL}-{SERVICE}")
"""The second one waits for the first: it stages the release that the container is then started from."""

BY_HAND = r"""
set -euo pipefail
main() {
    local file=/opt/auren/services/$3/current/compose.yml began
    sed -i "s|image: $1\$|image: $2|" "$file"
    grep -qxF "    image: $2" "$file"
    began=${EPOCHREALTIME/[.,]/}
    docker compose --file "$file" up -d "${@:4}" >/dev/null 2>&1
    echo $((${EPOCHREALTIME/[.,]/} - began))
}
main "$@"; exit
"""
"""BY_HAND PRESENT WANTED SERVICE WORD…: changes the image in the compose file of the service's accepted release.

Prints the microseconds of `docker compose up -d WORD…`."""


def measure(repetitions: int) -> Measured:
    stack, machine = engine.local(), droplet.local()
    entries = dict(entry.split("=", 1) for entry in stack.configuration()[IMAGES_KEY])
    original = entries[SERVICE]
    renamed = without_tag(original)
    typed: list[float] = []
    ours: list[float] = []
    whole: list[float] = []

    with tempfile.TemporaryDirectory(prefix="auren-bench-container-") as directory:

        def update(image: str) -> float:
            images = [f"{name}={reference}" for name, reference in {**entries, SERVICE: image}.items()]
            taken = update_seconds(stack.configured(Path(directory, "stack.yaml"), {IMAGES_KEY: images}))
            return sum(taken[command] for command in COMMANDS)

        try:
            present, wanted = original, renamed
            for _ in range(repetitions):
                typed.append(
                    int(machine.run("bash", "-s", "--", present, wanted, SERVICE, SERVICE, stdin=BY_HAND)) / 1e6
                )
                # Pulumi does not know what was typed: it starts a release with the same image once more.
                began = time.perf_counter()
                ours.append(update(wanted))
                whole.append(time.perf_counter() - began)
                print(f"  typed {typed[-1]:.2f} s, Pulumi's commands {ours[-1]:.2f} s, all of it {whole[-1]:.2f} s")
                present, wanted = wanted, present
        finally:
            # Whatever was typed last: by way of the other name, the machine is as the stack has it.
            for image in (renamed, original):
                update(image)
    return Measured(
        comparisons=(
            Comparison(
                title="One changed container",
                ours=Series(what="Pulumi's commands for it: SSH, the change, healthy again", samples=tuple(ours)),
                other=Series(what="`docker compose up -d` of it, typed on the machine", samples=tuple(typed)),
                unit=Unit.SECONDS,
                goal=1.5,
                beside=(Series(what="all of `pulumi up --skip-preview`", samples=tuple(whole)),),
            ),
        )
    )
