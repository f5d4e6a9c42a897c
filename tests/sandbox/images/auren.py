"""AUREN's services side by side on the tests' network, as production runs them, each started when wanted."""

import json
from pathlib import Path
from typing import Any

from docker.errors import DockerException
from docker.models.containers import Container

from tests.sandbox.images.containers import Run, says

TOPICS = ("biometric.events", "biometric.processed")
POSTGRES = {
    "POSTGRES_DB": "auren",
    "POSTGRES_USER": "auren",
    "POSTGRES_PASSWORD_FILE": "/run/secrets/postgres",
}
BRIDGE = POSTGRES | {
    "POSTGRES_HOST": "postgres",
    "REDIS_HOST": "redis",
    "REDIS_PASSWORD_FILE": "/run/secrets/redis",
    "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
}
API = BRIDGE | {"CHROMA_HOST": "chromadb", "CHROMA_PORT": "8000"}

CHROMA_YAML = "persist_path: /data\nlisten_address: 0.0.0.0\nport: 8000\n"
ZOOKEEPER_PROPERTIES = "dataDir=/var/lib/zookeeper/data\ndataLogDir=/var/lib/zookeeper/log\nclientPort=2181\n"
KAFKA_PROPERTIES = """
zookeeper.connect=zookeeper:2181
zookeeper.session.timeout.ms=6000
listeners=PLAINTEXT://0.0.0.0:9092
advertised.listeners=PLAINTEXT://kafka:9092
log.dirs=/var/lib/kafka/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
group.initial.rebalance.delay.ms=0
"""

Answer = tuple[int, dict[str, str], Any]


def ask(container: Container, port: int, path: str, *, post: Any = None) -> Answer:
    """Status, headers and the parsed body of a request from inside the container; status 0 without an answer."""
    body = [] if post is None else ["-H", "Content-Type: application/json", "-d", json.dumps(post)]
    code, text = says(container, "curl", "-s", "-i", "--max-time", "15", *body, f"http://127.0.0.1:{port}{path}")
    if code or not text:  # of a service that restarts
        return 0, {}, None
    head, _, content = text.partition("\r\n\r\n")
    status, *lines = head.splitlines()
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(status.split()[1]), headers, json.loads(content)


def address(container: Container) -> str:
    """Where this machine reaches the container, in the tests' network."""
    container.reload()
    networks = container.attrs["NetworkSettings"]["Networks"]
    return next(network["IPAddress"] for network in networks.values() if network["IPAddress"].startswith("198.18."))


class Auren:
    def __init__(self, run: Run, volume: str, secrets_folder: Path) -> None:
        self._run = run
        self._volume = volume
        self._secrets = secrets_folder
        self._shared = f"{secrets_folder}:/run/secrets:ro"
        self._files = f"{secrets_folder}:/etc/auren:ro"

    def start_postgres(self) -> Container:
        self.postgres = self._run(
            "postgres",
            user="999:999",
            tmpfs={"/var/run/postgresql": "mode=3777", "/tmp": ""},
            environment=POSTGRES,
            volumes=[self._shared, f"{self._volume}:/var/lib/postgresql/data"],
        )
        return self.postgres

    def start_redis(self) -> Container:
        password = json.dumps((self._secrets / "redis").read_text().strip())
        (self._secrets / "redis.conf").write_text(f"requirepass {password}\nsave ''\n")
        command = ["redis-server", "/run/secrets/redis.conf"]
        self.redis = self._run(
            "redis", user="999:999", command=command, volumes=[self._shared], tmpfs={"/data": "mode=1777"}
        )
        return self.redis

    def start_chromadb(self) -> Container:
        (self._secrets / "chroma.yaml").write_text(CHROMA_YAML)
        self.chromadb = self._run(
            "chromadb",
            user="10002:10002",
            command=["run", "/etc/auren/chroma.yaml"],
            volumes=[self._files, "/data"],
            tmpfs={"/tmp": ""},
        )
        return self.chromadb

    def start_kafka(self) -> Container:
        (self._secrets / "zookeeper.properties").write_text(ZOOKEEPER_PROPERTIES)
        (self._secrets / "kafka.properties").write_text(KAFKA_PROPERTIES)
        for name, data, heap in (
            ("zookeeper", ("/var/lib/zookeeper/data", "/var/lib/zookeeper/log"), "-Xmx96m"),
            ("kafka", ("/var/lib/kafka/data",), "-Xms256m -Xmx384m"),
        ):
            self.kafka = self._run(
                name,
                user="1000:1000",
                command=[f"{name}-server-start", f"/etc/auren/{name}.properties"],
                environment={"KAFKA_HEAP_OPTS": heap, "LOG_DIR": "/tmp"},
                volumes=[self._files, *data],
                tmpfs={"/tmp": ""},
            )
        return self.kafka

    def make_topics(self) -> bool:
        """Whether both are there; false while the broker is starting."""
        server = ("--bootstrap-server", "kafka:9092", "--command-config", "/etc/auren/admin.properties")
        (self._secrets / "admin.properties").write_text("request.timeout.ms=5000\ndefault.api.timeout.ms=10000\n")
        options = ("--create", "--if-not-exists", "--partitions", "3", "--replication-factor", "1")
        made = [says(self.kafka, "kafka-topics", *server, *options, "--topic", topic)[0] for topic in TOPICS]
        return made == [0, 0]

    def start_api(self) -> Container:
        self.api = self._run("api", user="10001:10001", volumes=[self._shared], tmpfs={"/tmp": ""}, environment=API)
        return self.api

    def start_bridge(self) -> Container:
        self.bridge = self._run(
            "bridge", user="10003:10003", volumes=[self._shared], tmpfs={"/tmp": ""}, environment=BRIDGE
        )
        return self.bridge

    def ask(self, path: str, *, post: Any = None) -> Answer:
        """A request to the API."""
        return ask(self.api, 8080, path, post=post)

    def verdicts(self) -> dict[str, str]:
        """What the API's health says of each dependency; empty while it does not answer."""
        answer = self.ask("/health")[2]
        return answer["checks"] if answer else {}

    def bridge_verdicts(self) -> dict[str, str]:
        answer = ask(self.bridge, 8002, "/health")[2]
        return answer["checks"] if answer else {}

    def is_healthy(self) -> bool:
        try:
            return self.ask("/health")[0] == ask(self.bridge, 8002, "/health")[0] == 200
        except DockerException:
            return False

    def rows(self, query: str) -> list[str]:
        """What PostgreSQL answers, a line a row."""
        code, output = says(self.postgres, "psql", "-U", "auren", "-d", "auren", "-Atc", query)
        assert code == 0, output
        return output.splitlines()
