"""Kafka and ZooKeeper with Confluent's images' interface, and the page beside them, locked down as in production."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import APIError
from docker.models.containers import Container

from tests.sandbox.images.containers import Run, eventually, says

pytestmark = pytest.mark.machine

FILES = {
    "zookeeper.properties": """
dataDir=/var/lib/zookeeper/data
dataLogDir=/var/lib/zookeeper/log
clientPort=2181
tickTime=2000
admin.enableServer=false
4lw.commands.whitelist=srvr
""",
    "kafka.properties": """
broker.id=1
zookeeper.connect=zookeeper:2181
zookeeper.session.timeout.ms=6000
listeners=PLAINTEXT://0.0.0.0:9092
advertised.listeners=PLAINTEXT://kafka:9092
log.dirs=/var/lib/kafka/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
group.initial.rebalance.delay.ms=0
""",
    "log4j.properties": """
log4j.rootLogger=INFO, stdout
log4j.appender.stdout=org.apache.log4j.ConsoleAppender
log4j.appender.stdout.layout=org.apache.log4j.PatternLayout
log4j.appender.stdout.layout.ConversionPattern=rendered %p %m%n
""",
}
ENVIRONMENT = {
    "KAFKA_LOG4J_OPTS": "-Dlog4j.configuration=file:/etc/auren/log4j.properties",
    "KAFKA_JVM_PERFORMANCE_OPTS": "-XX:+UseSerialGC",
    "LOG_DIR": "/tmp",
}
PLACES = ("/var/lib/zookeeper/data", "/var/lib/zookeeper/log", "/var/lib/kafka/data")

BROKERS = (
    # A Metadata request, version 1, for no topic; the answer's bytes 8 to 11 are the number of brokers.
    r'exec 3<>/dev/tcp/127.0.0.1/9092 && printf "\0\0\0\x0e\0\3\0\1\0\0\0\1\xff\xff\0\0\0\0" >&3 '
    '&& head -c 12 <&3 | od -An -tu1 -j8 | grep -qv " 0   0   0   0"'
)
MODE = "exec 3<>/dev/tcp/127.0.0.1/2181 && printf srvr >&3 && grep -q ^Mode: <&3"


class Cluster:
    """A ZooKeeper, a broker and what a person would type to use them."""

    def __init__(self, run: Run, mounts: list[str]) -> None:
        options: dict[str, Any] = {
            "user": "1000:1000",
            "tmpfs": {"/tmp": ""},
            "volumes": mounts,
            "restart_policy": {"Name": "unless-stopped"},
        }
        self.zookeeper = run(
            "zookeeper",
            command=["zookeeper-server-start", "/etc/auren/zookeeper.properties"],
            environment=ENVIRONMENT | {"KAFKA_HEAP_OPTS": "-Xmx96m"},
            mem_limit="192m",
            **options,
        )
        self.kafka = run(
            "kafka",
            command=["kafka-server-start", "/etc/auren/kafka.properties"],
            environment=ENVIRONMENT | {"KAFKA_HEAP_OPTS": "-Xmx384m"},
            mem_limit="768m",
            **options,
        )
        self.await_health()

    def await_health(self) -> None:
        eventually(lambda: self._holds(self.zookeeper, MODE))
        eventually(lambda: self._holds(self.kafka, BROKERS), seconds=120)

    def tool(self, name: str, *arguments: str, stdin: str = "") -> str:
        """The output of one of Kafka's programs, run beside the broker with a small heap and a tool's own log."""
        environment = ("env", "-u", "KAFKA_LOG4J_OPTS", "KAFKA_HEAP_OPTS=-Xmx64m", f"INPUT={stdin}")
        pipe = 'printf %s "$INPUT" | timeout 60 "$@"'
        place = ("--bootstrap-server", "kafka:9092")
        code, output = says(self.kafka, *environment, "bash", "-c", pipe, "-", name, *place, *arguments)
        assert code == 0, f"{name}: {output}"
        return output

    def create(self, topic: str) -> None:
        self.tool("kafka-topics", "--create", "--topic", topic, "--partitions", "2")

    def produce(self, topic: str, messages: list[str]) -> None:
        self.tool(
            "kafka-console-producer", "--topic", topic, "--producer-property", "acks=all", stdin="\n".join(messages)
        )

    def consume(self, topic: str, count: int, group: str) -> list[str]:
        limits = ("--from-beginning", "--max-messages", str(count), "--timeout-ms", "45000")
        output = self.tool("kafka-console-consumer", "--topic", topic, "--group", group, *limits)
        return sorted(line for line in output.splitlines() if not line.startswith("Processed a total"))

    @staticmethod
    def _holds(container: Container, check: str) -> bool:
        try:
            return container.exec_run(["timeout", "5", "bash", "-c", check])[0] == 0
        except APIError:
            return False  # between an end and the next start


@pytest.fixture
def mounts(client: docker.DockerClient, tmp_path: Path) -> Iterator[list[str]]:
    tmp_path.chmod(0o755)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    volumes = {place: client.volumes.create() for place in PLACES}
    yield [f"{tmp_path}:/etc/auren:ro", *(f"{volume.name}:{place}" for place, volume in volumes.items())]
    for volume in volumes.values():
        volume.remove(force=True)


@pytest.fixture
def cluster(mounts: list[str], run: Run) -> Cluster:
    return Cluster(run, mounts)


def test_messages_are_kept_over_a_stop_and_over_a_cut_of_both(cluster: Cluster) -> None:
    messages = [f"beat {number}" for number in range(20)]
    cluster.create("biometrics")
    cluster.produce("biometrics", messages)
    assert cluster.consume("biometrics", 20, "first") == sorted(messages)

    cluster.kafka.stop(timeout=60)
    assert b"shut down completed" in cluster.kafka.logs(tail=3)
    cluster.zookeeper.stop(timeout=20)
    for container in (cluster.zookeeper, cluster.kafka):
        container.start()
    cluster.await_health()
    assert cluster.consume("biometrics", 20, "second") == sorted(messages)

    cluster.produce("biometrics", ["the last before the cut"])
    for container in (cluster.zookeeper, cluster.kafka):
        container.reload()
        # Not by Docker, which would take it for the owner's wish and start nothing again.
        os.kill(container.attrs["State"]["Pid"], signal.SIGKILL)
    # The broker's old session holds its place in ZooKeeper for a while: it ends, and is started again until it gets it.
    cluster.await_health()
    assert cluster.consume("biometrics", 21, "third") == sorted([*messages, "the last before the cut"])
    # The group's own place was kept as well: only what is new is lag.
    described = cluster.tool("kafka-consumer-groups", "--describe", "--group", "first", "--offsets")
    assert sum(int(line.split()[5]) for line in described.splitlines() if line.startswith("first ")) == 1, described


def test_every_program_is_kafkas_own_and_obeys_what_is_mounted(cluster: Cluster) -> None:
    assert says(cluster.kafka, "id", "-u") == (0, "1000")
    for container in (cluster.kafka, cluster.zookeeper):
        assert container.logs().startswith(b"rendered ")
    assert "auto.create.topics.enable = false" in cluster.kafka.logs().decode()
    programs = ("topics", "configs", "console-producer", "console-consumer", "consumer-groups")
    for program in programs:
        assert cluster.tool(f"kafka-{program}", "--version").startswith("3.9.1"), program
    assert "kafka:9092 (id: 1" in cluster.tool("kafka-broker-api-versions")


def test_a_tool_takes_the_brokers_classes_from_their_archive(run: Run) -> None:
    """An archive that does not fit is left aside in silence, and every start takes twice the time again."""
    environment = {"KAFKA_OPTS": "-Xlog:class+load", "LOG_DIR": "/tmp"}
    tool = run("kafka", command=["kafka-topics", "--version"], environment=environment, tmpfs={"/tmp": ""})
    assert tool.wait(timeout=60)["StatusCode"] == 0
    loaded = [line for line in tool.logs().decode().splitlines() if " org.apache.kafka." in line]
    assert loaded
    assert any("shared objects file" in line for line in loaded)


def test_the_page_shows_what_the_broker_has_and_that_it_is_gone(cluster: Cluster, run: Run) -> None:
    page = run(
        "kafka-ui",
        user="100:101",
        tmpfs={"/tmp": ""},
        mem_limit="128m",
        environment={
            "SERVER_PORT": "8081",
            "KAFKA_CLUSTERS_0_NAME": "auren",
            "KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS": "kafka:9092",
            "KAFKA_CLUSTERS_0_READONLY": "true",
            "JAVA_OPTS": "-Xmx192m",
        },
    )

    def read(path: str) -> str:
        return says(page, "wget", "-q", "-O", "-", f"http://127.0.0.1:8081{path}")[1]

    def is_online() -> bool:
        return '"status":"online"' in read("/api/clusters")

    eventually(is_online)
    assert json.loads(read("/actuator/health")) == {"status": "UP"}
    cluster.create("biometrics")
    cluster.produce("biometrics", ["one", "two", "three"])
    cluster.consume("biometrics", 2, "<b>coach")

    (about,) = json.loads(read("/api/clusters"))
    assert (about["name"], about["brokerCount"], about["topicCount"]) == ("auren", 1, 2)
    topics = {topic["name"]: topic for topic in json.loads(read("/api/clusters/auren/topics"))["topics"]}
    biometrics = topics["biometrics"]
    assert (biometrics["partitionCount"], biometrics["replicationFactor"], biometrics["internal"]) == (2, 1, False)
    assert sum(partition["offsetMax"] for partition in biometrics["partitions"]) == 3
    assert "404" in says(page, "wget", "-S", "-O", "-", "http://127.0.0.1:8081/api/clusters/other/topics")[1]
    html = read("/")
    assert "kafka:9092" in html
    assert '<td>biometrics<td class="number">1</tr>' in html  # the lag
    assert "&lt;b&gt;coach" in html

    cluster.kafka.stop(timeout=60)
    assert '"status":"offline"' in read("/api/clusters")
    assert json.loads(read("/actuator/health")) == {"status": "UP"}
    cluster.kafka.start()
    eventually(is_online, seconds=120)
    page.stop(timeout=20)
    page.reload()
    assert page.attrs["State"]["ExitCode"] == 0


def test_the_pages_wrong_environment_is_told_at_once_and_whole(run: Run) -> None:
    page = run("kafka-ui", user="100:101", environment={"SERVER_PORT": "high"})
    assert page.wait(timeout=30)["StatusCode"] != 0
    logs = page.logs().decode()
    for fault in ("KAFKA_CLUSTERS_0_NAME is not", "KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS is not", "SERVER_PORT is 'high'"):
        assert fault in logs
