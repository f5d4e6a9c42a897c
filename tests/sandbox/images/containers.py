"""What the tests of the service images ask of containers."""

import time
from collections.abc import Callable
from typing import Any, cast

from docker.errors import APIError
from docker.models.containers import Container

Run = Callable[..., Container]
"""The fixture `run`: starts a service's container."""


def eventually(question: Callable[[], Any], seconds: float = 60) -> Any:
    """The first true answer; fails with the last one when none comes in time."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, f"{question} still answers {answer!r} after {seconds} s"
        time.sleep(0.2)
    return answer


def says(container: Container, *command: str, user: str = "") -> tuple[int, str]:
    """Exit code and output, standard error last, of a command; a container that ended fails with its own last words."""
    try:
        code, outputs = container.exec_run(list(command), user=user, demux=True)
    except APIError as error:
        logs = container.logs(tail=20).decode(errors="replace")
        raise AssertionError(f"{container.name}: {error.explanation}\n{logs}") from None
    assert isinstance(code, int)
    # Apart, for the two come in no order: one can stand in the middle of the other's line.
    said = [part.strip() for part in cast("tuple[bytes | None, bytes | None]", outputs) if part]
    return code, b"\n".join(said).decode(errors="replace")
