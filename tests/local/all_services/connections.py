"""Connections tried from inside the containers' networks, and what they must come to."""

import json
from collections.abc import Mapping
from pathlib import Path

from auren_infra.placement import Instance
from auren_infra.services.links import LINKS
from auren_infra.services.model import Service
from tests.local.host import Host

PROBE = Path(__file__).parent / "scripts" / "probe.py"
Answers = dict[str, dict[str, str]]
"""Source -> `ADDRESS PORT` -> answer."""


def probe(host: Host, sources: Mapping[str, int], targets: list[tuple[str, int]]) -> Answers:
    return host.run_script(PROBE, json.dumps({"sources": sources, "targets": targets}))


def processes(host: Host, services: Mapping[str, Service]) -> dict[str, int]:
    """The main process of each service's container."""
    containers = host.containers()
    return {name: containers[Instance(service).container]["State"]["Pid"] for name, service in services.items()}


def reached(answers: Answers) -> set[tuple[str, str]]:
    """A refusal is an answer as well: the packet got there."""
    return {
        (source, target)
        for source, by_target in answers.items()
        for target, answer in by_target.items()
        if answer in {"open", "refused"}
    }


def assert_only_the_links_connect(host: Host, services: Mapping[str, Service]) -> None:
    """From every container to every other, on every port that any of them has."""
    ports = sorted({service.port for service in services.values()})
    names = {str(Instance(service).address): name for name, service in services.items()}
    answers = probe(host, processes(host, services), [(address, port) for address in names for port in ports])
    found = {(source, *target.split()) for source, target in reached(answers)}
    connected = {(source, names[address], int(port)) for source, address, port in found if names[address] != source}
    allowed = {(link.source, link.target, link.port) for link in LINKS}
    assert connected == allowed, f"too many: {connected - allowed}; missing: {allowed - connected}"
    refused = [
        link
        for link in LINKS
        if answers[link.source][f"{Instance(services[link.target]).address} {link.port}"] != "open"
    ]
    assert not refused, refused
