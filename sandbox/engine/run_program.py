"""Runs one Pulumi program: the process that the language host starts, with the project's own interpreter.

Usage: run_program.py SETTINGS PROGRAM [ARGUMENT…], SETTINGS being the JSON that fills `pulumi.runtime.Settings`.

Exits 0, or 32 when the engine was told what went wrong, or with the program's own exit code. Like the official
executor it shows an unhandled exception with its traceback cut to the program's own frames, and a `pulumi.RunError`
as its message alone.
"""

import sys

del sys.path[0]  # the language host's folder is not the program's

import asyncio  # noqa: E402
import json  # noqa: E402
import logging  # noqa: E402
import runpy  # noqa: E402
import signal  # noqa: E402
import traceback  # noqa: E402
from concurrent.futures import ThreadPoolExecutor  # noqa: E402
from pathlib import Path  # noqa: E402

try:
    import pulumi
    import pulumi.runtime
except ImportError:
    traceback.print_exc()
    print(f"{sys.executable} has no Pulumi SDK: install requirements.txt into its environment", file=sys.stderr)
    sys.exit(1)

SHOWN = 32


def _own_traceback(fault: BaseException, program: Path) -> str:
    """The traceback from the program's first frame on: what is above it is this file, runpy and the event loop."""
    frames = traceback.extract_tb(fault.__traceback__)
    folder = program if program.is_dir() else program.parent
    own = next((i for i, frame in enumerate(frames) if Path(frame.filename).parent == folder), 0)
    return "".join(traceback.format_exception(type(fault), fault, fault.__traceback__, limit=own - len(frames)))


def _execute(program: Path) -> None:
    runpy.run_path(str(program), run_name="__main__")


def main() -> int:
    settings, program, *arguments = sys.argv[1:]
    # Ctrl-C reaches the whole process group; the engine, which shows what happened, is told by it as well.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    pulumi.runtime.set_all_config(pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env())
    chosen = json.loads(settings)
    pulumi.runtime.configure(pulumi.runtime.Settings(**chosen))
    sys.argv = [program, *arguments]
    path = Path(program).absolute()
    if path.is_dir() and not (path / "__main__.py").exists():
        pulumi.log.error(f"unable to find main python program `__main__.py` in `{path}`")
        return SHOWN

    # A failed program leaves futures that nobody awaited, by design; asyncio's complaints would bury the error.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    threads = ThreadPoolExecutor(max_workers=max(chosen["parallel"], 1) * 4)
    loop.set_default_executor(threads)
    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(lambda: _execute(path)))
    except pulumi.RunError as fault:
        pulumi.log.error(str(fault))
        return SHOWN
    except Exception as fault:
        pulumi.log.error("Program failed with an unhandled exception:\n" + _own_traceback(fault, path))
        return SHOWN
    finally:
        threads.shutdown(wait=True)
        loop.close()
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
