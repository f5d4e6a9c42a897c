"""`python -m bench [NAME…]`: measure, each beside what it is compared to, and keep it in results.json.

unchanged   a preview and an update that find nothing to do
first-up    the first update of a machine, beside a shell script
container   one changed container, beside `docker compose up -d`
image       a deployment of one image, beside `docker compose up -d --wait`
nginx       requests a second, beside a stock nginx container
load-NAME   a change while visitors come; NAME is api, api-setting, nginx-setting, nginx-image, website, bridge,
            rollback, broken, unhealthy-later or ends-later
growth      a preview with more services and more droplets
report      docs/performance.md and its plot, from results.json

Measuring needs the stack `local` to be up (`make up`), root, and a machine that does nothing else; all of it takes
an hour. What is changed is put back. The report needs bench/requirements.txt.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from bench import changes, container, engine, first_up, growth, load, one_image, report, results, unchanged, web_server
from bench.results import Measured


class Measurement(NamedTuple):
    measure: Callable[[int], Measured]
    repetitions: int


MEASUREMENTS = {
    "unchanged": Measurement(unchanged.measure, 9),
    "first-up": Measurement(first_up.measure, 3),
    "container": Measurement(container.measure, 8),
    "image": Measurement(one_image.measure, 5),
    "nginx": Measurement(web_server.measure, 7),
    "growth": Measurement(growth.measure, 5),
    **{f"load-{name}": Measurement(partial(load.measure, change), 1) for name, change in changes.CHANGES.items()},
}
REPORT = "report"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__, formatter_class=_Plain)
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to do (default: all measurements)")
    parser.add_argument("--repetitions", type=int, help="how often each is taken (default: what gives steady medians)")
    given = parser.parse_args()
    names = given.names or list(MEASUREMENTS)
    if unknown := [name for name in names if name not in (*MEASUREMENTS, REPORT)]:
        parser.error(f"there is no {', '.join(unknown)}; there is {', '.join((*MEASUREMENTS, REPORT))}")
    try:
        for name in names:
            if name == REPORT:
                report.write()
            else:
                _measure(name, given.repetitions)
    except (RuntimeError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


def _measure(name: str, repetitions: int | None) -> None:
    print(name, flush=True)
    measurement = MEASUREMENTS[name]
    measured = measurement.measure(repetitions or measurement.repetitions)
    results.keep(results.this_machine(engine.version()), name, measured)


class _Plain(argparse.RawDescriptionHelpFormatter):
    """The module's text as it is written."""


if __name__ == "__main__":
    sys.exit(main())
