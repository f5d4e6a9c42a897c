"""`python -m tests.hosted.render DIRECTORY [KEY=VALUE...]`: all that the program sends to a machine, as files.

The stack is production's, with these settings changed, and its passwords are made up. Each command is a directory:
`command` is its line, `stdin` what it is given. Their names are in the order in which they are run. No cloud is asked.
"""

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

with warnings.catch_warnings():
    # The providers' SDKs warn of every deprecated resource that they export, used or not, when they are imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    from auren_infra import stack
    from auren_infra.blueprint import describe
    from auren_infra.services.images import IMAGES
    from auren_infra.settings import load
    from auren_infra.settings.deployed import Deployed
    from tests.hosted.settings import STACK, configuration
    from tests.unit.rehearsal import rehearse


def render(directory: Path, changes: Sequence[str] = ()) -> list[str]:
    """Write the commands; their names, in order."""
    settings = load(configuration(changes), IMAGES, name=f"auren-{STACK}")
    update = rehearse(lambda: stack.deploy(describe(settings), Deployed()), preview=False)
    names: list[str] = []
    for number, command in enumerate(update.commands()):
        names.append(command.name.removeprefix(f"{settings.name}-"))
        place = directory / f"{number:02}-{names[-1]}"
        place.mkdir(parents=True)
        (place / "command").write_text(command.inputs["create"])
        (place / "stdin").write_text(command.inputs["stdin"])
    return names


if __name__ == "__main__":
    print(" ".join(render(Path(sys.argv[1]), sys.argv[2:])))
