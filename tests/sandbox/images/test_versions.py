"""What is rehearsed is what production runs: the versions that the images hold, beside production's pins."""

import re
from dataclasses import dataclass

import pytest

from sandbox.images.recipe import SERVICES
from tests.sandbox.images.containers import Run, says
from tests.unit.configuration import PINS

pytestmark = pytest.mark.machine

CONFLUENT = {"7.9": {"kafka": "3.9", "zookeeper": "3.8"}}
"""Confluent's images have numbers of their own: what is in them, by docs.confluent.io/platform/7.9/release-notes."""


@dataclass(frozen=True)
class Question:
    """How an image is asked what it holds."""

    command: tuple[str, ...]
    answer: str
    """A pattern; its group is the version."""
    numbers: int = 2
    """How many of the version's numbers must be production's. The numbers behind them are fixes."""


JARS = ("ls", "/usr/share/java/kafka")
QUESTIONS = {
    "nginx": Question(("nginx", "-v"), r"nginx/([\d.]+)"),
    # Its minor releases are fixes.
    "postgres": Question(("postgres", "--version"), r"PostgreSQL\) ([\d.]+)", numbers=1),
    "redis": Question(("redis-server", "--version"), r"v=([\d.]+)"),
    "chromadb": Question(("grep", "^Version:", "/opt/chroma/METADATA"), r"([\d.]+)"),
    "kafka": Question(JARS, r"kafka_2\.13-([\d.]+)\.jar"),
    "zookeeper": Question(JARS, r"zookeeper-([\d.]+)\.jar"),
}
STAND_INS = {
    "api": "AUREN's own; it has no public image",
    "bridge": "AUREN's own; it has no public image",
    "kafka-ui": "no package registry has it, so the rehearsal runs a small page of its own with the same paths",
}
"""What is not compared, with the reason."""


def pinned(service: str) -> str:
    """The version in production's pin; of Kafka and ZooKeeper, that of the program in Confluent's image."""
    version = PINS[service].rpartition(":")[2]
    inside = CONFLUENT.get(".".join(version.split(".")[:2]), {})
    return inside.get(service, version)


def test_every_service_is_compared_or_has_a_reason() -> None:
    assert {*QUESTIONS, *STAND_INS} == {*PINS} == {*SERVICES}
    assert not QUESTIONS.keys() & STAND_INS.keys()


@pytest.mark.parametrize("service", QUESTIONS)
def test_the_rehearsal_runs_productions_version(service: str, run: Run) -> None:
    question = QUESTIONS[service]
    container = run(service, command=["sleep", "60"], entrypoint=[], user="65534:65534")
    code, said = says(container, *question.command)
    found = re.search(question.answer, said)
    assert code == 0, said
    assert found, said
    versions = [version.split(".")[: question.numbers] for version in (found[1], pinned(service))]
    assert versions[0] == versions[1], f"{service}: the image holds {found[1]}, production's pin is {PINS[service]}"


def test_production_pins_exact_versions() -> None:
    for service, image in PINS.items():
        assert not image or re.search(r":v?\d+(\.\d+){1,2}$", image), f"{service}: {image}"
