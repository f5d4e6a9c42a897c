"""`python -m sandbox COMMAND`: the cloud on this machine, by hand.

ready     tell what stands in the way of `make up`, `down`, `test` or `soak`; needs no package
engine    build the Pulumi engine alone, where none is installed; needs no root
prepare   install and build what `start` needs, and start nothing yet
start     set up what is missing, and start; a second start is quick
stop      stop everything; the state stays, `start` brings it all back
down      destroy the local stack and remove all but the cache
status    what runs, and where
env       exports for a shell: eval "$(python -m sandbox env)"
preview   preview a stack against the simulated APIs alone: no Docker, no root, nothing kept
"""

import argparse
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the one place that may be reached with an older Python
    sys.exit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}. Run `make .venv`, it says what to do.")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__, formatter_class=_Plain)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in ("engine", "prepare", "stop", "status"):
        commands.add_parser(name)
    commands.add_parser("ready").add_argument("goal", choices=("up", "down", "test", "soak"))
    start = commands.add_parser("start")
    start.add_argument(
        "--images",
        choices=("built", "production"),
        help="what the services run: images that are built here (the default at first), or those that production pulls",
    )
    down = commands.add_parser("down")
    down.add_argument("--force", action="store_true", help="go on when the stack cannot be destroyed")
    env = commands.add_parser("env")
    env.add_argument("--stack", default="local", help="the stack that pulumi works on (default: local)")
    preview = commands.add_parser("preview")
    preview.add_argument("--stack", default="prod", help="the stack to preview (default: prod)")
    preview.add_argument("pulumi", nargs="*", help="options for `pulumi preview`, after `--`")
    given = parser.parse_args()
    try:
        return _run(given)
    except (RuntimeError, OSError) as error:
        print(f"{given.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{given.command}: interrupted; the same command goes on where it was", file=sys.stderr)
        return 130


def _run(given: argparse.Namespace) -> int:
    # Imported where they are used: `env` is evaluated by a shell that waits for it.
    match given.command:
        case "ready":
            from sandbox import ready

            if refusal := ready.refusal(given.goal):
                print(refusal, file=sys.stderr)
                return 1
        case "engine" | "prepare" | "start" | "stop" | "down":
            from sandbox import lifecycle

            if given.command == "down":
                lifecycle.down(force=given.force)
            elif given.command == "stop":
                lifecycle.stop()
            elif given.command == "engine":
                lifecycle.engine()
            elif given.command == "prepare":
                lifecycle.prepare()
            else:
                lifecycle.start(given.images)
        case "status":
            from sandbox import status

            print(status.table())
            return 0 if status.running() else 3
        case "env":
            from sandbox import environment, layout, pulumi_stack, stack_config

            if not (layout.STATE / "bin").exists():
                raise RuntimeError("nothing is set up yet: `python -m sandbox start` first")
            stack = pulumi_stack.named(given.stack)
            stack_config.refresh(stack)
            pulumi_stack.ensure_stack(stack)
            print(environment.shell_text(environment.variables(stack)))
        case "preview":
            from sandbox import preview, pulumi_stack

            return preview.run(pulumi_stack.named(given.stack), given.pulumi)
    return 0


class _Plain(argparse.RawDescriptionHelpFormatter):
    """The module's text as it is written."""


if __name__ == "__main__":
    sys.exit(main())
