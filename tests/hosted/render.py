"""`python -m tests.hosted.render DIRECTORY [KEY=VALUE...]`: all that the program sends to a machine, as files.

The stack is production's, with these settings changed, and its passwords are made up. Each command is a directory:
`command` is its line, `stdin` what it is given. Their names are in the order in which they are run. No cloud is asked.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.rendered import NAME, production


def render(directory: Path, changes: Sequence[str] = ()) -> list[str]:
    """Write the commands; their names, in order."""
    names: list[str] = []
    for number, command in enumerate(production(changes).commands()):
        names.append(command.name.removeprefix(f"{NAME}-"))
        place = directory / f"{number:02}-{names[-1]}"
        place.mkdir(parents=True)
        (place / "command").write_text(command.inputs["create"])
        (place / "stdin").write_text(command.inputs["stdin"])
    return names


if __name__ == "__main__":
    print(" ".join(render(Path(sys.argv[1]), sys.argv[2:])))
