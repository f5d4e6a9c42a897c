"""`python -m tests.hosted.render DIRECTORY [KEY=VALUE...]`: all that the program sends to a machine, as files.

The stack is production's, with these settings changed, and its passwords are made up. Each command is a directory:
`command` is its line, `stdin` what it is given. `stdin-of`, if there is one, names the command whose output is given
behind that. The directories' names are in the order in which the commands are run. No cloud is asked.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.rendered import NAME, production

_PRINTED = re.compile(r"stdout of (\S+), run with [0-9a-f]+$")
"""What the rehearsal has in place of a command's output."""


def render(directory: Path, changes: Sequence[str] = ()) -> list[str]:
    """Write the commands; their names, in order."""
    names: list[str] = []
    for number, command in enumerate(production(changes).commands()):
        names.append(command.name.removeprefix(f"{NAME}-"))
        place = directory / f"{number:02}-{names[-1]}"
        place.mkdir(parents=True)
        (place / "command").write_text(command.inputs["create"])
        stdin = command.inputs["stdin"]
        if printed := _PRINTED.search(stdin):
            (place / "stdin-of").write_text(printed[1].removeprefix(f"{NAME}-"))
            stdin = stdin[: printed.start()]
        (place / "stdin").write_text(stdin)
    return names


if __name__ == "__main__":
    print(" ".join(render(Path(sys.argv[1]), sys.argv[2:])))
