"""The state of the clouds: one typed document in one file, which is replaced atomically.

It has some tens of kilobytes and changes a few times a minute, so each change writes the whole document. A crash leaves
the old document or the new one, never a part of one.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.clouds.state import SpacesKey, State

FILE = "state.json"


class Store:
    """The state behind one lock. Hold it for reading and changing only, never while a machine is at work."""

    def __init__(self, directory: Path, fresh: State) -> None:
        """Read the document below `directory`. `fresh` is the state of a new cloud."""
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = directory / FILE
        self._lock = threading.RLock()
        self._state = State.model_validate_json(self._path.read_bytes()) if self._path.exists() else fresh
        self._save()

    @contextmanager
    def read(self) -> Iterator[State]:
        """The state, for reading inside the block. Keep no reference to anything in it."""
        with self._lock:
            yield self._state

    @contextmanager
    def change(self) -> Iterator[State]:
        """The state, for changes inside the block. They are saved at its end, and reverted after an error."""
        with self._lock:
            try:
                yield self._state
                self._save()
            except BaseException:
                self._state = State.model_validate_json(self._saved)
                raise

    def _save(self) -> None:
        document = self._state.model_dump_json(indent=1).encode()
        draft = self._path.with_name(f".{FILE}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(document)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        self._saved = document


def spaces_keys(store: Store) -> list[SpacesKey]:
    """Copies of the keys that are valid now."""
    with store.read() as whole:
        return [key.model_copy(deep=True) for key in whole.digitalocean.spaces_keys.values()]
