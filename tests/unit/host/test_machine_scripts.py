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
"image inspect --format {{.Id}} "*) printf '%s\n' "${@:5}" ;;
"image rm "*) ;;
*) exit 98 ;;
esac
"""


@pytest.fixture
def machine(bench: Bench) -> Bench:
    """Three containers of the project, one of a service that is no more, with its releases."""
    bench.stub("docker", RETIRE)
    bench.state("containers", "c1 nginx\nc2 kafka\nc3 api")
    for name in ("kafka", "kafka-ui", "nginx"):
        release = bench.path(f"/opt/auren/services/{name}/releases/1")
        release.mkdir(parents=True)
        (release / "compose.yml").write_text(f"services:\n  x:\n    image: {name.partition('-')[0]}:1\n")
        (release.parents[1] / "current").symlink_to("releases/1")
    return bench


def test_a_service_that_is_no_more_is_stopped_and_removed(machine: Bench) -> None:
    done = machine.run("retire", data="nginx\napi\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "kafka is no longer among the services: its container was removed\n"
    assert machine.calls("docker stop", "docker rm") == ["docker stop -t 60 c2", "docker rm --force c2"]
    assert "volume" not in " ".join(machine.calls()), "its data stays"


def test_a_retired_services_releases_and_secrets_go_and_its_namesakes_stay(machine: Bench) -> None:
    machine.run("retire", data="nginx\nkafka-ui\napi\n")
    left = sorted(path.name for path in machine.path("/opt/auren/services").iterdir())
    assert left == ["kafka-ui", "nginx"]
    assert machine.path("/opt/auren/services/nginx/releases/1/compose.yml").exists()


def test_images_that_no_release_has_any_more_go(machine: Bench) -> None:
    machine.run("retire", data="nginx\nkafka-ui\napi\n")
    assert machine.calls("docker image rm") == [], "the Kafka UI has the same one here"
    machine.run("retire", data="nginx\napi\n")
    assert machine.calls("docker image rm") == ["docker image rm kafka:1"]


def test_an_image_that_the_website_came_from_stays(machine: Bench) -> None:
    manifest = machine.path("/opt/auren/website/releases/1.manifest")
    manifest.parent.mkdir(parents=True)
    manifest.write_text("image kafka:1\n")
    machine.run("retire", data="nginx\napi\n")
    assert machine.calls("docker image rm") == []


def test_the_watchdog_cannot_start_again_what_is_retired(machine: Bench) -> None:
    """It starts what `current` leads to."""
    machine.stub("docker", f'[ ! -e "{machine.path("/opt/auren/services/kafka/current")}" ] || exit 98\n{RETIRE}')
    done = machine.run("retire", data="nginx\napi\n")
    assert (done.returncode, done.stderr) == (0, "")


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


def test_what_deployments_had_before_there_were_releases_goes(bench: Bench) -> None:
    for path in (
        "secrets/api/key",
        "nginx.conf",
        "docker-compose.prod.yml",
        "services/api/text",
        "website/index.html",
        "website/current/x",
        "website/releases/1/x",
    ):
        bench.path(f"/opt/auren/{path}").parent.mkdir(parents=True, exist_ok=True)
        bench.path(f"/opt/auren/{path}").touch()
    bench.path("/var/lib/auren/started").mkdir()
    bench.path("/var/lib/auren/started/api.yml").touch()
    for _ in range(2):
        assert bench.run("tidy").returncode == 0
    left = {
        str(path.relative_to(bench.path("/opt/auren")))
        for path in bench.path("/opt/auren").rglob("*")
        if path.is_file()
    }
    assert left == {"docker-compose.prod.yml", "services/api/text", "website/current/x", "website/releases/1/x"}
    assert not bench.path("/var/lib/auren/started").exists()


STOP = r"""
case "$*" in
"ps --no-trunc --filter label=com.docker.compose.project=auren "*) cat "$state/containers" ;;
"stop "*)
    for id in "${@:2}"; do
        sed -i "/ $id /d" "$state/containers"
    done ;;
*) exit 98 ;;
esac
"""


@pytest.mark.parametrize(
    ("containers", "stopped"),
    [
        (
            "nginx c1 api\napi c2 postgres kafka\npostgres c3 \nkafka c4 zookeeper\nzookeeper c5 \nkafka-ui c6 kafka\n",
            ["c1 c6", "c2", "c3 c4", "c5"],
        ),
        ("api c2 postgres\n", ["c2"]),
        ("", []),
    ],
    ids=["all", "one whose need does not run", "none"],
)
def test_each_container_ends_before_those_that_it_needs(bench: Bench, containers: str, stopped: list[str]) -> None:
    bench.stub("docker", STOP)
    bench.stub("systemctl")
    (bench.root / "state/containers").write_text(containers)
    done = bench.run("stop")
    assert (done.returncode, done.stderr) == (0, "")
    assert bench.calls("docker stop") == [f"docker stop {ids}" for ids in stopped]


def test_a_container_that_cannot_be_stopped_does_not_hold_it_up_for_ever(bench: Bench) -> None:
    bench.stub("docker", f'{STOP}\n[ "$1" != stop ]')
    bench.stub("systemctl")
    (bench.root / "state/containers").write_text("nginx c1 api\n")
    assert bench.run("stop").returncode != 0


def test_a_docker_that_is_stopped_is_not_asked_for_its_containers(bench: Bench) -> None:
    """Its socket would start it. systemd starts it only when the stop is over, so each waited for the other: 180 s."""
    bench.stub("docker", STOP)
    bench.stub("systemctl", "exit 3")
    done = bench.run("stop")
    assert (done.returncode, done.stderr) == (0, "Docker is stopped: no container can be stopped.\n")
    assert bench.calls("docker") == []
    assert bench.calls("systemctl") == ["systemctl is-active --quiet docker"]


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
