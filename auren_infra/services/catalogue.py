"""The services of AUREN, one function each. The image in a function is the service's pin.

Left out on purpose: anything about machines, and anything that another module can derive (the start order comes from
the links).
"""

from collections.abc import Callable

from auren_infra.droplet_sizes import SIZES, SMALLEST
from auren_infra.services.backups import backed_up
from auren_infra.services.model import (
    FILES,
    LIVE_FILES,
    NO_PUBLIC_IMAGE,
    Copy,
    DirectoryMount,
    Generated,
    HealthCheck,
    Limits,
    Migration,
    Preflight,
    SecretFile,
    Service,
    Statement,
    Tmpfs,
    Topic,
    Topics,
    Update,
    User,
    Volume,
)
from auren_infra.settings import Settings
from auren_infra.settings.directories import WEBSITE

POSTGRES_PASSWORD = Generated("postgres")
REDIS_PASSWORD = Generated("redis")
DATABASE = "auren"
KAFKA = "kafka:9092"
POSTGRES_CLIENT = {
    "POSTGRES_HOST": "postgres",
    "POSTGRES_PORT": "5432",
    "POSTGRES_DB": DATABASE,
    "POSTGRES_USER": DATABASE,
    "POSTGRES_PASSWORD_FILE": "/run/secrets/postgres_password",
}
REDIS_CLIENT = {
    "REDIS_HOST": "redis",
    "REDIS_PORT": "6379",
    "REDIS_PASSWORD_FILE": "/run/secrets/redis_password",
}
CLIENT_SECRETS = (SecretFile("postgres_password", POSTGRES_PASSWORD), SecretFile("redis_password", REDIS_PASSWORD))
JVM_LIBRARIES = "the JVM unpacks its native compression libraries there"

_SERVICES: list[Callable[[Settings], Service]] = []


def _service(function: Callable[[Settings], Service]) -> Callable[[Settings], Service]:
    _SERVICES.append(function)
    return function


def described(settings: Settings) -> tuple[Service, ...]:
    """All services as their functions have them, whether they fit together or not (`consistency`)."""
    return tuple(function(settings) for function in _SERVICES)


def memory(settings: Settings, megabytes: int) -> int:
    """What a service may use that has `megabytes` on the smallest droplet; a larger one gives it its share of more."""
    size = SIZES[settings.droplet_size]
    return max(megabytes, megabytes * size.memory_mb // SMALLEST.memory_mb)


@_service
def nginx(settings: Settings) -> Service:
    """The web server: the website's files, and `/api` to the API. Port 443 waits for certificates."""
    return Service(
        name="nginx",
        image="docker.io/library/nginx:1.30.6",  # 1.27.4 brought keepalive_min_timeout
        user=User(101, 101),
        port=80,
        published=(80, 443),
        host_number=10,
        volumes=(Volume("nginx-logs", "/var/log/nginx"),),
        command=("nginx", "-c", f"{LIVE_FILES}/nginx.conf", "-g", "daemon off;"),
        files=("nginx.conf",),
        directories=(DirectoryMount(WEBSITE, "/usr/share/nginx/html", settings.website, released=True),),
        tmpfs=(Tmpfs("/var/cache/nginx", 64), Tmpfs("/tmp", 16)),
        tasks=(Preflight(("nginx", "-t", "-q", "-c", f"{FILES}/nginx.conf")),),
        health=HealthCheck(("curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1/healthz"), start_period=10),
        limits=Limits(memory_mb=128, cpus=1, pids=64, open_files=16384),
        update=Update.RELOAD,
        stop_signal="SIGQUIT",
        stop_grace=5,  # it accepts no connection any more, and a stream has no end of its own
    )


@_service
def api(settings: Settings) -> Service:
    """AUREN's API (FastAPI). It is healthy when it has asked each of its stores something and got an answer."""
    return Service(
        name="api",
        image=NO_PUBLIC_IMAGE,
        user=User(10001, 10001),
        port=8080,
        host_number=11,
        internet=True,  # the language models that it asks
        environment={
            **POSTGRES_CLIENT,
            **REDIS_CLIENT,
            "CHROMA_HOST": "chromadb",
            "CHROMA_PORT": "8000",
            "KAFKA_BOOTSTRAP_SERVERS": KAFKA,
        },
        secrets=CLIENT_SECRETS,
        tmpfs=(Tmpfs("/tmp", 64),),
        health=HealthCheck(_asks("http://127.0.0.1:8080/health")),
        limits=Limits(memory_mb=memory(settings, 416), cpus=1, pids=128),
        tasks=(Migration(settings.migration, settings.migration_seconds),) if settings.migration else (),
        update=Update.START_FIRST,
    )


@_service
def bridge(settings: Settings) -> Service:
    """The Biometric Bridge (LangGraph): works out what comes in by Kafka. Nobody connects to it."""
    return Service(
        name="bridge",
        image=NO_PUBLIC_IMAGE,
        user=User(10003, 10003),
        port=8002,
        host_number=18,
        internet=True,  # the language models that it asks
        environment={**POSTGRES_CLIENT, **REDIS_CLIENT, "KAFKA_BOOTSTRAP_SERVERS": KAFKA},
        secrets=CLIENT_SECRETS,
        tmpfs=(Tmpfs("/tmp", 64),),
        health=HealthCheck(_asks("http://127.0.0.1:8002/health")),
        limits=Limits(memory_mb=memory(settings, 288), cpus=1, pids=128),
    )


@_service
def postgres(settings: Settings) -> Service:
    """PostgreSQL: the warm store. `sql/init` counts at its very first start, on an empty disk.

    Its own start script sees to it that a first start which did not come to its end is not taken for one. At every
    start, it sets the password that clients are given.
    """
    # By the container's own name, as clients do: the official image lets everyone in who comes from 127.0.0.1.
    query = (
        "PGPASSWORD=$(cat /run/secrets/postgres_password) PGCONNECT_TIMEOUT=3 psql --host postgres "
        f"--username {DATABASE} --dbname {DATABASE} --no-psqlrc --quiet --output /dev/null --command 'SELECT 1'"
    )
    service = Service(
        name="postgres",
        image="docker.io/library/postgres:17.12",
        user=User(999, 999),
        port=5432,
        host_number=12,
        entrypoint=("bash", f"{FILES}/postgres-start.sh"),
        command=("postgres", "-c", f"config_file={FILES}/postgresql.conf"),
        environment={
            "POSTGRES_DB": DATABASE,
            "POSTGRES_USER": DATABASE,
            "POSTGRES_PASSWORD_FILE": "/run/secrets/postgres_password",
            # A page that the disk returns otherwise than it was written is told by PostgreSQL, and by a backup.
            "POSTGRES_INITDB_ARGS": "--data-checksums",
        },
        volumes=(Volume("postgres_data", "/var/lib/postgresql/data"),),
        files=("postgresql.conf", "postgres-start.sh"),
        directories=(DirectoryMount("sql/init", "/docker-entrypoint-initdb.d", settings.sql_init),),
        secrets=(SecretFile("postgres_password", POSTGRES_PASSWORD),),
        tmpfs=(Tmpfs("/var/run/postgresql", 16), Tmpfs("/tmp", 64)),
        # By TCP: while the database is made, at the first start, its server answers on the socket only.
        health=HealthCheck(("sh", "-c", query), start_period=60),
        limits=Limits(memory_mb=memory(settings, 608), cpus=1, pids=200, shared_memory_mb=128),
        stop_signal="SIGINT",  # fast shutdown: SIGTERM would wait for every client to leave
        stop_grace=60,
    )
    return backed_up(service, settings)


@_service
def redis(settings: Settings) -> Service:
    """Redis: the hot store. What it acknowledged is on disk within a second (append-only file)."""
    ping = "REDISCLI_AUTH=$(cat /run/secrets/redis_password) redis-cli ping | grep -q PONG"
    return Service(
        name="redis",
        image="docker.io/library/redis:8.0.6",
        user=User(999, 999),
        port=6379,
        host_number=13,
        command=("sh", f"{FILES}/redis-start.sh", f"{FILES}/redis.conf"),
        volumes=(Volume("redis-data", "/data", copy=Copy.REDIS),),
        files=("redis.conf", "redis-start.sh"),
        secrets=(
            SecretFile("redis_password", REDIS_PASSWORD),
            SecretFile("redis.acl", REDIS_PASSWORD, "user default on ~* &* +@all >{secret}\n"),
        ),
        health=HealthCheck(("sh", "-c", ping)),
        limits=Limits(memory_mb=memory(settings, 256), cpus=0.5, pids=64, open_files=16384),
    )


@_service
def chromadb(settings: Settings) -> Service:
    """Chroma: the cold store of embeddings. Its image has no HTTP client, so bash asks it for its database."""
    request = r"GET /api/v2/tenants/default_tenant/databases/default_database HTTP/1.0\r\nHost: localhost\r\n\r\n"
    ask = f"exec 3<>/dev/tcp/127.0.0.1/8000 && printf '{request}' >&3 && head -n 1 <&3 | grep -q ' 200 '"
    data = Volume(
        "chromadb-data",
        "/data",
        synchronous="SQLite commits by removing its journal and does not flush that: a power cut would bring it back",
        copy=Copy.SQLITE,
    )
    # A log that has lost records already stays as it is: an index cannot be made from it.
    keep_the_log = (
        "UPDATE embeddings_queue_config "
        "SET config_json_str = json_set(config_json_str, '$.automatically_purge', json('false')) "
        "WHERE (SELECT count(*) = coalesce(max(seq_id), 0) FROM embeddings_queue)"
    )
    return Service(
        name="chromadb",
        image="docker.io/chromadb/chroma:1.5.9",
        user=User(10002, 10002),
        port=8000,
        host_number=14,
        entrypoint=("bash", f"{FILES}/chroma-start.sh"),
        command=(f"{FILES}/chroma.yaml",),
        # With one, for one processor, it answers nobody while an index is made, and the watchdog restarts it again.
        environment={"TOKIO_WORKER_THREADS": "4"},
        volumes=(data,),
        tasks=(Statement(data, "chroma.sqlite3", keep_the_log),),
        files=("chroma.yaml", "chroma-start.sh"),
        tmpfs=(Tmpfs("/tmp", 64),),
        health=HealthCheck(("bash", "-c", ask)),
        limits=Limits(memory_mb=memory(settings, 352), cpus=1, pids=128, open_files=16384),
    )


@_service
def zookeeper(_: Settings) -> Service:
    """ZooKeeper: where Kafka keeps its books."""
    # Who asks while ZooKeeper starts may get no answer at all, and the connection stays open.
    ask = "exec 3<>/dev/tcp/127.0.0.1/2181 && echo srvr >&3 && timeout 3 grep -q ^Mode: <&3"
    return Service(
        name="zookeeper",
        image="docker.io/confluentinc/cp-zookeeper:7.9.2",  # 7.9 is the last line with ZooKeeper
        user=User(1000, 1000),
        port=2181,
        host_number=15,
        command=("zookeeper-server-start", f"{FILES}/zookeeper.properties"),
        environment=_jvm(heap_mb=96),
        volumes=(
            Volume("zookeeper-data", "/var/lib/zookeeper/data", copy=Copy.FILES),
            Volume("zookeeper-log", "/var/lib/zookeeper/log", copy=Copy.FILES),
        ),
        files=("zookeeper.properties", "log4j.properties"),
        tmpfs=(Tmpfs("/tmp", 16),),
        health=HealthCheck(("bash", "-c", ask), start_period=60),
        limits=Limits(memory_mb=224, cpus=0.5, pids=128),
    )


@_service
def kafka(settings: Settings) -> Service:
    """Kafka, one broker. Its health check is a Metadata request by hand: a JVM would cost a second each time."""
    request = r"\0\0\0\x0e\0\3\0\1\0\0\0\1\xff\xff\0\0\0\0"
    brokers = "od -An -tu1 -j8 -N4 <&3"
    ask = (
        f"exec 3<>/dev/tcp/127.0.0.1/9092 && printf '{request}' >&3 && "
        f"read -r a b c count < <({brokers}) && ((count > 0))"
    )
    megabytes = memory(settings, 640)
    return Service(
        name="kafka",
        image="docker.io/confluentinc/cp-kafka:7.9.2",
        user=User(1000, 1000),
        port=9092,
        host_number=16,
        command=("kafka-server-start", f"{FILES}/kafka.properties"),
        environment=_jvm(heap_mb=megabytes * 55 // 100),
        volumes=(Volume("kafka-data", "/var/lib/kafka/data", copy=Copy.FILES),),
        files=("kafka.properties", "log4j.properties"),
        tmpfs=(Tmpfs("/tmp", 32, executable=JVM_LIBRARIES),),
        health=HealthCheck(("bash", "-c", ask), start_period=60),
        limits=Limits(memory_mb=megabytes, cpus=1, pids=256, open_files=16384),
        tasks=(
            Topics(
                (
                    Topic("biometric.events", partitions=3, retention_hours=168, retention_mb=1024),
                    Topic("biometric.processed", partitions=3, retention_hours=168, retention_mb=1024),
                )
            ),
        ),
        stop_grace=60,
    )


@_service
def kafka_ui(_: Settings) -> Service:
    """The Kafka UI: topics and consumers, for people. It has no login: the firewall names who may reach it."""
    return Service(
        name="kafka-ui",
        image="ghcr.io/kafbat/kafka-ui:v1.3.0",
        user=User(100, 101),
        port=8081,
        published=(8081,),
        host_number=17,
        environment={
            "SERVER_PORT": "8081",
            "KAFKA_CLUSTERS_0_NAME": "auren",
            "KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS": KAFKA,
            "KAFKA_CLUSTERS_0_READONLY": "true",
            "JAVA_OPTS": "-Xmx192m -XX:MaxMetaspaceSize=128m -XX:+UseSerialGC",
        },
        tmpfs=(Tmpfs("/tmp", 32, executable=JVM_LIBRARIES),),
        health=HealthCheck(
            ("sh", "-c", """wget -q -O - http://127.0.0.1:8081/api/clusters | grep -q '"status":"online"'"""),
            start_period=90,
        ),
        limits=Limits(memory_mb=384, cpus=0.5, pids=128),
        lends_memory=True,
    )


def _asks(url: str) -> tuple[str, ...]:
    """A health check with what every Python image has."""
    return ("python3", "-c", f"import urllib.request as u; u.urlopen('{url}', timeout=4)")


def _jvm(heap_mb: int) -> dict[str, str]:
    """Kafka's and ZooKeeper's start scripts: a heap of fixed size, logs to the container's output."""
    return {
        "KAFKA_HEAP_OPTS": f"-Xms{heap_mb}m -Xmx{heap_mb}m",
        "KAFKA_LOG4J_OPTS": f"-Dlog4j.configuration=file:{FILES}/log4j.properties",
        "EXTRA_ARGS": "",  # or the collector's log fills LOG_DIR, which is in memory
        "LOG_DIR": "/tmp",
    }
