"""The output while the sandbox is set up: one line for each step, which begins with the elapsed time.

Several steps run at once, so all lines pass through one lock and say which step they belong to. The same lines go to a
log of each step. Lines only, no cursor movement: a terminal and a CI log read the same.
"""

import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TextIO, TypeVar

HEARTBEAT_SECONDS = 20.0
"""Seconds without output after which a step reports that it is still running."""

Result = TypeVar("Result")
Note = Callable[[str], None]
"""Reports the current work of a step."""


class StepError(RuntimeError):
    """A step failed; the text says which, why, where its log is and what to do."""


class Progress:
    """Runs steps, alone or in parallel, and prints their progress."""

    def __init__(self, logs: Path, stream: TextIO = sys.stderr) -> None:
        self._logs = logs
        self._stream = stream
        self._lock = threading.Lock()
        self._began = time.monotonic()

    def say(self, text: str, step: str = "") -> None:
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        head = f"[{minutes:02}:{seconds:02}] " + (f"{step:<16} " if step else "")
        with self._lock:
            for line in text.splitlines():
                print(f"{head}{line}", file=self._stream, flush=True)

    def run(self, step: str, work: Callable[[Note], Result]) -> Result:
        """Do one step. Raises `StepError` for every failure."""
        self._logs.mkdir(parents=True, exist_ok=True)
        log = self._logs / f"{step.replace(' ', '-')}.log"
        began = time.monotonic()
        said = _Said()
        finished = threading.Event()

        def note(text: str) -> None:
            with log.open("a") as file:
                file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}\n")
            said.add(text)
            self.say(text, step)

        def beat() -> None:
            while not finished.wait(HEARTBEAT_SECONDS / 4):
                if text := said.silence(HEARTBEAT_SECONDS):
                    self.say(text, step)

        heart = threading.Thread(target=beat, daemon=True)
        heart.start()
        try:
            result = work(note)
        except Exception as error:
            with log.open("a") as file:
                traceback.print_exc(file=file)
            raise StepError(_failure(step, error, said.lines, log)) from error
        finally:
            finished.set()
        self.say(f"ready ({time.monotonic() - began:.0f} s)", step)
        return result

    def run_together(self, steps: Mapping[str, Callable[[Note], Any]]) -> dict[str, Any]:
        """Do steps in parallel. Waits for the end of all, then raises one error with all failures."""
        with ThreadPoolExecutor(max_workers=max(1, len(steps))) as pool:
            futures = {step: pool.submit(self.run, step, work) for step, work in steps.items()}
        failures = [error for future in futures.values() if (error := future.exception()) is not None]
        if failures:
            raise StepError("\n".join(str(error) for error in failures))
        return {step: future.result() for step, future in futures.items()}


class _Said:
    """The last output of a step, and its time."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=12)
        self._at = time.monotonic()

    def add(self, text: str) -> None:
        self.lines.extend(text.splitlines())
        self._at = time.monotonic()

    def silence(self, seconds: float) -> str | None:
        """The text for a step without output. It holds no time, because the line has one already."""
        now = time.monotonic()
        if now - self._at < seconds:
            return None
        self._at = now
        return f"still at work: {self.lines[-1]}" if self.lines else "still at work"


def _failure(step: str, error: Exception, said: Iterable[str], log: Path) -> str:
    text = [f"{step} failed: {error or type(error).__name__}", "  before that:"]
    text += [f"    {line}" for line in said]
    text.append(f"  All of it: {log}. Mend the cause and run the same command again: what is done stays done.")
    return "\n".join(text)
