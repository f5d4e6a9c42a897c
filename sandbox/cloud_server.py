"""The process that serves the simulated APIs and the name server: `python -m sandbox.clouds`."""

import http.client
import json
import sys
import time
from typing import Any

from sandbox import layout
from sandbox.processes import BackgroundProcess

PROCESS = BackgroundProcess(
    "simulated clouds", layout.RUN / "clouds.pid", ("sandbox.clouds",), layout.STATE / "logs" / "clouds.log"
)
READY_SECONDS = 120
"""At a start after `stop`, droplets boot before the APIs answer."""


class CloudServerError(RuntimeError):
    """The APIs do not answer; the text says where to look."""


def health() -> dict[str, Any] | None:
    """What the server says of itself; None when it does not answer."""
    connection = http.client.HTTPConnection(layout.API_ADDRESS, layout.API_PORT, timeout=5)
    try:
        connection.request("GET", "/_sandbox/health")
        response = connection.getresponse()
        return json.loads(response.read()) if response.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def start() -> None:
    """Start it unless it runs, and return when it answers."""
    if PROCESS.pid() is None:
        PROCESS.start((sys.executable, "-m", "sandbox.clouds"), directory=layout.PROJECT)
    deadline = time.monotonic() + READY_SECONDS
    while health() is None:
        if PROCESS.pid() is None or time.monotonic() > deadline:
            fate = "did not answer in time" if PROCESS.pid() else "ended at once"
            lines = "\n".join(f"    {line}" for line in PROCESS.last_lines(12))
            raise CloudServerError(f"The simulated clouds {fate} (log: {PROCESS.log}):\n{lines}")
        time.sleep(0.1)


def stop() -> bool:
    """Stop it; droplets and state stay as they are."""
    return PROCESS.stop(seconds=60)
