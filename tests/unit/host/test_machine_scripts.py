"""The short scripts: the network, Kafka's topics, and services that are no more."""

import pytest

from tests.unit.host.bench import Bench

NETWORK = r"""
case "$*" in
"network inspect "*) [ -e "$state/network" ] && cat "$state/network" ;;
"network create "*) ;;
*) exit 98 ;;
esac
"""


AUREN_NETWORK = ("auren-network", "172.18.0.0/16", "auren0")


def test_the_network_is_made_once(bench: Bench) -> None:
    """With an interface that rules can name, on which Docker lets nothing pass by itself."""
    bench.stub("docker", NETWORK)
    assert bench.run("docker_network", *AUREN_NETWORK).returncode == 0
    options = "--opt com.docker.network.bridge.name=auren0 --opt com.docker.network.bridge.enable_icc=false"
    made = [f"docker network create --driver bridge --subnet 172.18.0.0/16 {options} auren-network"]
    assert bench.calls("docker network create") == made
    bench.state("network", "bridge 172.18.0.0/16 auren0 false")
    assert bench.run("docker_network", *AUREN_NETWORK).returncode == 0
    assert bench.calls("docker network create") == made


@pytest.mark.parametrize(
    "present",
    [
        "bridge 172.20.0.0/16 auren0 false",
        "macvlan 172.18.0.0/16 auren0 false",
        "bridge 172.18.0.0/16 br-0f3 false",
        "bridge 172.18.0.0/16 auren0 true",
        "bridge 172.18.0.0/16  ",
    ],
    ids=["subnet", "driver", "interface", "open", "made by hand"],
)
def test_a_network_of_another_shape_is_left_and_told_about(bench: Bench, present: str) -> None:
    """Containers have fixed addresses: on another subnet none of them would start. And rules name the interface."""
    bench.stub("docker", NETWORK)
    bench.state("network", present)
    done = bench.run("docker_network", *AUREN_NETWORK)
    assert done.returncode == 1
    assert f"auren-network is there already, but as: {present}. Nothing was changed." in done.stderr
    assert "It must be: bridge 172.18.0.0/16 auren0 false (" in done.stderr
    assert "docker network rm auren-network" in done.stderr
    assert bench.calls("docker network create", "docker network rm") == []


RETIRE = r"""
case "$*" in
"ps --all --filter label=com.docker.compose.project=auren "*) cat "$state/containers" ;;
"stop "* | "rm "*) cat >/dev/null </dev/null ;;
*) exit 98 ;;
esac
"""


@pytest.fixture
def machine(bench: Bench) -> Bench:
    """Three containers of the project, one of a service that is no more, with what is noted of it."""
    bench.stub("docker", RETIRE)
    bench.state("containers", "c1 nginx\nc2 kafka\nc3 api")
    started = bench.path("/var/lib/auren/started")
    started.mkdir()
    for name in ("kafka", "kafka.yml", "kafka.log", "kafka-ui", "kafka-ui.yml", "nginx", "nginx.yml"):
        (started / name).touch()
    return bench


def test_a_service_that_is_no_more_is_stopped_and_removed(machine: Bench) -> None:
    done = machine.run("retire", data="nginx\napi\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "kafka is no longer among the services: its container was removed\n"
    assert machine.calls("docker stop", "docker rm") == ["docker stop -t 60 c2", "docker rm --force c2"]
    assert "volume" not in " ".join(machine.calls()), "its data stays"


def test_a_retired_services_notes_go_and_its_namesakes_stay(machine: Bench) -> None:
    """Were they left, the service could not be taken up again: it would count as started."""
    machine.run("retire", data="nginx\napi\n")
    left = sorted(path.name for path in machine.path("/var/lib/auren/started").iterdir())
    assert left == ["kafka-ui", "kafka-ui.yml", "nginx", "nginx.yml"]


def test_services_that_are_wanted_are_left_alone(machine: Bench) -> None:
    done = machine.run("retire", data="nginx\nkafka\napi\n")
    assert (done.returncode, done.stdout) == (0, "")
    assert machine.calls("docker stop", "docker rm") == []


def test_a_name_that_another_begins_with_is_not_taken_for_it(machine: Bench) -> None:
    machine.run("retire", data="nginx\nkafka-ui\napi-gateway\napi\n")
    assert machine.calls("docker rm") == ["docker rm --force c2"]


def test_a_machine_without_containers_has_none_to_retire(bench: Bench) -> None:
    bench.stub("docker", RETIRE)
    (bench.root / "state/containers").touch()
    assert bench.run("retire", data="nginx\n").returncode == 0


KAFKA = r"""
[ "$1 $2 $7 $9 ${10}" = "exec --interactive auren-kafka --bootstrap-server 127.0.0.1:9092" ] || exit 98
cat >/dev/null
case "${*:11}" in
--list) cat "$state/topics" ;;
"--create --if-not-exists --topic "*) [ ! -e "$state/refuses" ] && echo "${14}" >>"$state/topics" ;;
"--alter --entity-type topics --entity-name "*) grep -qxF "${15}" "$state/topics" ;;
*) exit 98 ;;
esac
"""
"""A broker that reads all that it is given, has the topics of a file, and configures none that is not there."""
TOPICS = "biometric.events 3 604800000 1073741824\nbiometric.processed 1 3600000 1048576\n"


@pytest.fixture
def broker(bench: Bench) -> Bench:
    bench.stub("docker", KAFKA)
    bench.state("topics", "__consumer_offsets\nbiometricXevents\nbiometric.events.old")
    return bench


def _asked(broker: Bench, tool: str) -> list[str]:
    return [call.split("9092 ")[1] for call in broker.calls("docker") if f" {tool} " in call]


def test_topics_that_are_missing_are_made(broker: Bench) -> None:
    """A name that another begins with, or that a pattern would match, is not taken for it."""
    done = broker.run("kafka_topics", "auren-kafka", "9092", data=TOPICS)
    assert (done.returncode, done.stderr) == (0, "")
    assert _asked(broker, "kafka-topics") == [
        "--list",
        "--create --if-not-exists --topic biometric.events --partitions 3 --replication-factor 1",
        "--create --if-not-exists --topic biometric.processed --partitions 1 --replication-factor 1",
    ]


def test_a_topic_that_is_there_gets_its_retention_and_nothing_else(broker: Bench) -> None:
    broker.run("kafka_topics", "auren-kafka", "9092", data=TOPICS)
    broker.forget_calls()
    assert broker.run("kafka_topics", "auren-kafka", "9092", data=TOPICS).returncode == 0
    assert _asked(broker, "kafka-topics") == ["--list"]
    alter = "--alter --entity-type topics --entity-name"
    assert _asked(broker, "kafka-configs") == [
        f"{alter} biometric.events --add-config retention.ms=604800000,retention.bytes=1073741824",
        f"{alter} biometric.processed --add-config retention.ms=3600000,retention.bytes=1048576",
    ]


def test_a_topic_that_nobody_wants_any_more_keeps_its_data(broker: Bench) -> None:
    assert broker.run("kafka_topics", "auren-kafka", "9092", data="biometric.events 3 1 1\n").returncode == 0
    assert "delete" not in " ".join(broker.calls())
    assert "old" not in " ".join(broker.calls())


def test_a_topic_that_cannot_be_made_is_an_error(broker: Bench) -> None:
    broker.state("refuses", "")
    assert broker.run("kafka_topics", "auren-kafka", "9092", data=TOPICS).returncode != 0
    assert _asked(broker, "kafka-configs") == [], "and comes before what builds on it"


def test_tools_leave_the_brokers_memory_to_it(broker: Bench) -> None:
    """They run within its limit: with its own heap's size, the kernel would end one of the two."""
    broker.run("kafka_topics", "auren-kafka", "9092", data=TOPICS)
    assert all("--env KAFKA_HEAP_OPTS=-Xmx64m " in call for call in broker.calls("docker"))
