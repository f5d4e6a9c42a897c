"""The script that is compared to a first update: the same commands, in an order that a person would take."""

import json
import subprocess
from pathlib import Path
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
    command(f"{HOST}docker-compose.prod.yml", create="bash -s -- compose-file"),
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
        "compose-file",
        "--wait kafka",
        "topics",
        "--wait",
        "watchdog",
    ]


def test_compose_finds_the_staged_release_of_each_service(tmp_path: Path) -> None:
    """The compose file names each service's file behind the link that Pulumi's commands would make."""
    for service, release in (("api", "0123"), ("kafka", "4567")):
        (tmp_path / service / "releases" / release).mkdir(parents=True)
    script = by_hand(STACK, {"kafka", "api"}).replace("/opt/auren/services", str(tmp_path))
    links = [line for line in script.splitlines() if line.startswith("for service")]
    assert len(links) == script.count(" up -d --wait") == 2
    subprocess.run(["bash", "-euc", "\n".join(links)], check=True, timeout=10)
    found = {path.parent.name: path.readlink() for path in tmp_path.glob("*/current")}
    assert found == {"api": Path("releases/0123"), "kafka": Path("releases/4567")}


def test_each_command_gets_its_own_input_to_the_letter(tmp_path: Path) -> None:
    (tmp_path / "kafka/releases/0123").mkdir(parents=True)
    stack = [
        command(f"{HOST}one", stdin="it's $here\n", create="cat"),
        command(f"{HOST}two", stdin=secret("'no' newline"), create="cat"),
    ]
    script = by_hand(stack, {"kafka"}).replace("docker compose", "true").replace("/opt/auren/services", str(tmp_path))
    done = subprocess.run(["bash", "-s"], input=script, capture_output=True, text=True, check=True, timeout=10)
    assert done.stdout == "it's $here\n'no' newline"
