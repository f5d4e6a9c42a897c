"""A service's own image by another name (the digest without the tag), and back again: nothing is new but the change.

Once it is typed on the machine, once it is deployed by Pulumi, in turns.
"""

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from bench.droplet import Droplet
from bench.engine import Pulumi
from bench.events import update_seconds
from sandbox.registry import without_tag
from sandbox.stack_config import IMAGES_KEY, LOCAL

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


class Seconds(NamedTuple):
    """Of one repetition."""

    typed: float
    commands: float
    """Of Pulumi's two commands for the service: the second one waits for the first."""
    whole: float
    """Of all of `pulumi up --skip-preview`."""


def measure(
    stack: Pulumi,
    machine: Droplet,
    service: str,
    repetitions: int,
    *,
    words: Callable[[], tuple[str, ...]],
    settings: Mapping[str, object] | None = None,
) -> list[Seconds]:
    """`words` are those of `docker compose up -d` at that moment. `settings` are the stack's meanwhile."""
    entries = dict(entry.split("=", 1) for entry in stack.configuration()[IMAGES_KEY])
    commands = (f"auren-{LOCAL}-{service}-release", f"auren-{LOCAL}-{service}")
    present, wanted = entries[service], without_tag(entries[service])
    found: list[Seconds] = []

    with tempfile.TemporaryDirectory(prefix="auren-bench-renamed-") as directory:

        def update(image: str) -> float:
            images = [f"{name}={reference}" for name, reference in {**entries, service: image}.items()]
            changed = stack.configured(Path(directory, "stack.yaml"), {**(settings or {}), IMAGES_KEY: images})
            taken = update_seconds(changed)
            return sum(taken.get(command, 0) for command in commands)

        try:
            update(present)
            for _ in range(repetitions):
                typed = machine.run("bash", "-s", "--", present, wanted, service, *words(), stdin=BY_HAND)
                # Pulumi does not know what was typed: it deploys the same image once more.
                began = time.perf_counter()
                taken = update(wanted)
                found.append(Seconds(int(typed) / 1e6, taken, time.perf_counter() - began))
                print("  typed {:.2f} s, Pulumi's commands {:.2f} s, all of it {:.2f} s".format(*found[-1]))
                present, wanted = wanted, present
        finally:
            # Whatever was typed last: by way of the other name, the machine is as the stack has it.
            update(without_tag(entries[service]))
            stack.update()
    return found
