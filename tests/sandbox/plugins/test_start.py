"""What a plugin has imported when it is ready: a preview waits for each of them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
READY = """
import importlib, json, sys
from sandbox.pulumi_messages import leave_out_the_sdk
leave_out_the_sdk()
from sandbox.plugins.server import Servicer
plugin = importlib.import_module("sandbox.plugins." + sys.argv[1]).plugin()
plugin.configure({})
print(json.dumps(sorted(sys.modules)))
"""
LATER = {"pulumi.output", "pulumi.resource", "httpx", "paramiko", "bcrypt"}


@pytest.mark.parametrize("name", ["cloudflare", "command", "digitalocean", "random", "tls"])
def test_what_takes_long_to_import_waits_until_it_is_used(name: str) -> None:
    done = subprocess.run([sys.executable, "-c", READY, name], cwd=ROOT, capture_output=True, text=True, check=True)
    modules = set(json.loads(done.stdout))
    assert "pulumi.runtime.proto.provider_pb2" in modules
    assert modules & LATER == set()
