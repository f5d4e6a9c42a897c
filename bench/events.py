"""How long an update works on each resource, by the engine's own event log."""

import json
import os
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

from bench.engine import Pulumi


def update_seconds(stack: Pulumi) -> dict[str, float]:
    """Update the stack; the seconds from an operation's start to its end, by the resource's name.

    The log's own times are whole seconds. So it is read through a pipe, and each event counts when it arrives.
    """
    began: dict[str, float] = {}
    taken: dict[str, float] = {}

    def read(log: Path) -> None:
        with log.open() as events:
            for line in events:
                now, event = time.perf_counter(), json.loads(line)
                if "resourcePreEvent" in event:
                    began[_name(event["resourcePreEvent"])] = now
                elif "resOutputsEvent" in event:
                    name = _name(event["resOutputsEvent"])
                    taken[name] = now - began.get(name, now)

    with tempfile.TemporaryDirectory(prefix="auren-bench-events-") as directory:
        log = Path(directory, "events")
        os.mkfifo(log)
        # Held open for writing: a pulumi that fails before it opens the log leaves no reader waiting.
        held = os.open(log, os.O_RDWR)
        reader = threading.Thread(target=read, args=(log,))
        reader.start()
        try:
            # The option is one for developers of the engine.
            logging = replace(stack, environment={**stack.environment, "PULUMI_DEBUG_COMMANDS": "1"})
            logging.update("--event-log", str(log))
        finally:
            os.close(held)
            reader.join()
    return taken


def _name(event: dict[str, dict[str, str]]) -> str:
    return event["metadata"]["urn"].rsplit("::", 1)[1]
