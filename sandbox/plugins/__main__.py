"""Runs one provider plugin: `python -m sandbox.plugins NAME ENGINE_ADDRESS`.

The plugin's module is imported only now, so that a command over SSH does not wait for an HTTP client. Every
`sandbox.plugins.NAME` has a function `plugin()` that returns its `Plugin`.
"""

import importlib
import sys

from sandbox.pulumi_messages import leave_out_the_sdk

NAMES = ("cloudflare", "command", "digitalocean", "docker", "random", "tls")


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1] not in NAMES:
        print(f"usage: python -m sandbox.plugins {{{','.join(NAMES)}}} ENGINE_ADDRESS", file=sys.stderr)
        return 2
    leave_out_the_sdk()
    from sandbox.plugins.server import serve

    module = importlib.import_module(f"sandbox.plugins.{sys.argv[1]}")
    return serve(module.plugin(), sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
