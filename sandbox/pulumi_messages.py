"""The messages of Pulumi's protocol without the SDK around them.

The language host and the provider plugins are processes that a preview waits for, and all that they need of the SDK is
`pulumi.runtime.proto.*_pb2`. Importing those imports the SDK first, which takes as long as all else that they import.
"""

import importlib.machinery
import sys
import types
from pathlib import Path

_PACKAGES = {"pulumi": "", "pulumi.runtime": "runtime", "pulumi.runtime.proto": "runtime/proto"}


def leave_out_the_sdk() -> None:
    """Let the messages be imported alone; nothing else of the SDK works in this process afterwards.

    To be called by a program, before it imports any of them.
    """
    spec = importlib.machinery.PathFinder.find_spec("pulumi")
    if spec is None or not spec.submodule_search_locations:
        sys.exit(f"{sys.executable} has no Pulumi SDK: install requirements.txt into its environment")
    for name, folder in _PACKAGES.items():
        package = types.ModuleType(name)
        package.__path__ = [str(Path(spec.submodule_search_locations[0], folder))]
        sys.modules[name] = package
