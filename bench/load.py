"""Changes under a steady load of visitors: how many requests fail, and how much longer the others take meanwhile.

Pulumi and the visitors share this machine's processors with the droplet. In production they do not. So Pulumi runs at
the lowest priority; what its commands do on the droplet runs at the usual one.
"""

import asyncio
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench import droplet, engine
from bench.changes import Change, Scene
from bench.results import Measured, Speed, Switch, UnderLoad
from bench.samples import percentile
from bench.visitors import DOWNLOAD_SECONDS, SHORT, Kind, Request, Visitors
from sandbox import pulumi_stack
from sandbox.stack_config import LOCAL

GOAL = 2.0
BEFORE_SECONDS = 45
LOWEST = 19


def measure(change: Change, repetitions: int) -> Measured:
    stack, machine = engine.local(), droplet.local()
    switches: list[Switch] = []
    for _ in range(repetitions):
        with tempfile.TemporaryDirectory(prefix="auren-bench-load-") as directory:
            scene = Scene(stack, machine, Path(directory))
            try:
                scene.configured().update()
                with change.prepare(scene) as act:
                    switches.append(asyncio.run(_watched(act)))
            finally:
                stack.update()
    return Measured(under_load=(UnderLoad(title=change.title, switches=tuple(switches), goal=GOAL),))


async def _watched(act: Callable[[], object]) -> Switch:
    outputs = pulumi_stack.outputs(LOCAL)
    async with Visitors(outputs["address"], outputs["domain"]) as visitors:
        # By then as many end as begin.
        await asyncio.sleep(DOWNLOAD_SECONDS + 2)
        began = time.perf_counter()
        await asyncio.sleep(BEFORE_SECONDS)
        changed = time.perf_counter()
        with ThreadPoolExecutor(1, initializer=_yield_to_others) as aside:
            await asyncio.get_running_loop().run_in_executor(aside, act)
        over = time.perf_counter()
    switch = summed_up(visitors.requests, began, changed, over)
    _say(switch, visitors.requests)
    return switch


def summed_up(requests: Sequence[Request], began: float, changed: float, over: float) -> Switch:
    """Of the requests that began at `began` or later. The change was made from `changed` to `over`."""
    counted = [request for request in requests if request.began >= began]
    return Switch(
        requests=_by_kind(counted),
        failed=_by_kind([request for request in counted if request.failure]),
        before=_speed([request for request in counted if request.began < changed]),
        during=_speed([request for request in counted if changed <= request.began < over]),
        seconds=round(over - changed, 2),
    )


def _by_kind(requests: Sequence[Request]) -> dict[str, int]:
    found = Counter(request.kind for request in requests)
    return {kind.value: found[kind] for kind in Kind}


def _speed(requests: Sequence[Request]) -> Speed:
    taken = [(request.ended - request.began) * 1000 for request in requests if request.kind in SHORT]
    return Speed(requests=len(taken), p50=round(percentile(taken, 50), 2), p99=round(percentile(taken, 99), 2))


def _yield_to_others() -> None:
    """This thread, and the processes that it starts."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST)


def _say(switch: Switch, requests: Sequence[Request]) -> None:
    print(f"  {sum(switch.requests.values())} requests, the change took {switch.seconds:.0f} s")
    print(f"  p50 {switch.before.p50:.1f} then {switch.during.p50:.1f} ms")
    print(f"  p99 {switch.before.p99:.1f} then {switch.during.p99:.1f} ms, ratio {switch.ratio:.2f}")
    for failure, count in Counter((one.kind.value, one.failure) for one in requests if one.failure).items():
        print(f"  failed {count} times: {': '.join(failure)}", flush=True)
