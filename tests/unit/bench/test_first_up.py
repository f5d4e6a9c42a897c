"""The script that is compared to a first update: the same commands, in an order that a person would take."""

import json
import subprocess
from typing import Any

from bench.first_up import by_hand

HOST = "urn:pulumi:bench::auren::auren:host:Configuration$command:remote:Command::auren-bench-"
CLOUD = "urn:pulumi:bench::auren::auren:cloud:Droplet$command:remote:Command::auren-bench-"


def command(urn: str, *after: str, stdin: object = "", create: str = "") -> dict[str, Any]:
    inputs = {"create": create or f"bash -s -- {urn.rsplit('-', 1)[1]}", "stdin": stdin}
    return {"urn": urn, "type": "command:remote:Command", "inputs": inputs, "dependencies": list(after)}


def secret(text: str) -> dict[str, str]:
    return {"plaintext": json.dumps(text)}


STACK = [
    {"urn": "urn:pulumi:bench::auren::auren:host:Configuration::auren-bench", "type": "auren:host:Configuration"},
    command(f"{CLOUD}ready"),
    command(f"{HOST}docker"),
    command(f"{HOST}compose", f"{HOST}docker", stdin="it's $here\n"),
    command(f"{HOST}password", stdin=secret("no newline behind it")),
    command(f"{HOST}watchdog", f"{HOST}compose"),
    command(f"{HOST}kafka", f"{HOST}compose"),
    command(f"{HOST}topics", f"{HOST}kafka"),
    command(f"{HOST}api", f"{HOST}compose", f"{HOST}password", f"{HOST}topics"),
]


def test_containers_come_by_compose_and_what_they_do_not_need_comes_behind() -> None:
    script = by_hand(STACK, {"kafka", "api"})
    lines = [
        line.rpartition("| bash -s -- ")[2] for line in script.splitlines() if "bash -s" in line or "up -d" in line
    ]
    assert [line.rpartition("up -d ")[2] for line in lines] == [
        "docker",
        "compose",
        "password",
        "--wait kafka",
        "topics",
        "--wait",
        "watchdog",
    ]


def test_each_command_gets_its_own_input_to_the_letter() -> None:
    stack = [
        command(f"{HOST}one", stdin="it's $here\n", create="cat"),
        command(f"{HOST}two", stdin=secret("'no' newline"), create="cat"),
    ]
    script = by_hand(stack, {"kafka"}).replace("docker compose", "true")
    done = subprocess.run(["bash", "-s"], input=script, capture_output=True, text=True, check=True, timeout=10)
    assert done.stdout == "it's $here\n'no' newline"
