"""Shared by all handlers: the state, the machines, and the work in the background."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Annotated

from fastapi import Depends, Request

from sandbox.clouds.store import Store
from sandbox.droplets.hypervisor import Hypervisor

log = logging.getLogger("sandbox.clouds")


class Cloud:
    """One cloud: shared by both APIs, the name server and the edge."""

    def __init__(self, store: Store, hypervisor: Hypervisor, know_spaces_keys: Callable[[], None]) -> None:
        self.store = store
        self.hypervisor = hypervisor
        self.know_spaces_keys = know_spaces_keys
        """Makes the object store of Spaces accept the keys of the state, and no others."""
        self._machines = ThreadPoolExecutor(max_workers=8, thread_name_prefix="machines")
        # One thread, so that of two changes of the firewalls the later one is also enforced last.
        self._firewalls = ThreadPoolExecutor(max_workers=1, thread_name_prefix="firewalls")

    def start(self, work: Callable[[], None]) -> None:
        """Run `work` in the background. It handles its own failures."""
        self._machines.submit(_logged(work))

    def start_in_turn(self, work: Callable[[], None]) -> Future[None]:
        """Like `start`, one after the other in the order asked."""
        return self._firewalls.submit(_logged(work))

    def close(self) -> None:
        """Wait for running work. It has a time limit, and an incomplete machine would be useless."""
        self._machines.shutdown()
        self._firewalls.shutdown()


def _logged(work: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        try:
            work()
        except Exception:
            log.exception("work in the background failed")

    return run


def _of_app(request: Request) -> Cloud:
    return request.app.state.cloud


CloudDep = Annotated[Cloud, Depends(_of_app)]
