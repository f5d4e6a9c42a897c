"""The services of AUREN, one function each.

Left out on purpose: anything about machines, and anything that another module can derive (start order and the
proxy's upstream come from `links`).
"""

from auren_infra.services.links import targets
from auren_infra.services.model import (
    FileMount,
    HealthCheck,
    Limits,
    Password,
    Preflight,
    SecretFile,
    Service,
    Tmpfs,
    User,
    Volume,
)
from auren_infra.settings import Settings

POSTGRES_PASSWORD = Password("postgres")
REDIS_PASSWORD = Password("redis")
DATABASE = "auren"


def catalogue(settings: Settings) -> tuple[Service, ...]:
    """All services, each after those that it talks to."""
    services = [nginx(settings), api(settings), postgres(settings), redis(settings)]
    by_name = {service.name: service for service in services}
    ordered: dict[str, Service] = {}

    def place(service: Service) -> None:
        for target in targets(service.name):
            place(by_name[target])
        ordered.setdefault(service.name, service)

    for service in services:
        place(service)
    return tuple(ordered.values())


def nginx(settings: Settings) -> Service:
    """The web server: the website's files, and `/api` to the API."""
    return Service(
        name="nginx",
        image=settings.images["nginx"],
        user=User(101, 101),
        port=80,
        published=80,
        host_number=10,
        files=(
            FileMount("nginx.conf", "/etc/nginx/nginx.conf"),
            FileMount("website", "/usr/share/nginx/html", restart=False),
        ),
        tmpfs=(Tmpfs("/var/cache/nginx", 64), Tmpfs("/tmp", 16)),
        # By way of a file: nginx takes the length of its configuration from the file's size.
        preflight=Preflight("nginx.conf", ("sh", "-c", "cat >/tmp/next.conf && nginx -t -q -c /tmp/next.conf")),
        health=HealthCheck(("curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1/healthz"), start_period=10),
        limits=Limits(memory_mb=128, cpus=1, pids=64),
        stop_signal="SIGQUIT",
    )


def api(settings: Settings) -> Service:
    """AUREN's API (FastAPI). It is healthy when it has asked PostgreSQL and Redis something and got an answer."""
    probe = "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/health', timeout=4)"
    return Service(
        name="api",
        image=settings.images["api"],
        user=User(10001, 10001),
        port=8080,
        host_number=11,
        environment={
            "POSTGRES_HOST": "postgres",
            "POSTGRES_PORT": "5432",
            "POSTGRES_DB": DATABASE,
            "POSTGRES_USER": DATABASE,
            "POSTGRES_PASSWORD_FILE": "/run/secrets/postgres_password",
            "REDIS_HOST": "redis",
            "REDIS_PORT": "6379",
            "REDIS_PASSWORD_FILE": "/run/secrets/redis_password",
        },
        secrets=(
            SecretFile("postgres_password", POSTGRES_PASSWORD),
            SecretFile("redis_password", REDIS_PASSWORD),
        ),
        tmpfs=(Tmpfs("/tmp", 64),),
        health=HealthCheck(("python3", "-c", probe)),
        limits=Limits(memory_mb=512, cpus=1, pids=128),
    )


def postgres(settings: Settings) -> Service:
    """PostgreSQL: the warm store. The password counts when its directory is empty, at the very first start."""
    return Service(
        name="postgres",
        image=settings.images["postgres"],
        user=User(999, 999),
        port=5432,
        host_number=12,
        environment={
            "POSTGRES_DB": DATABASE,
            "POSTGRES_USER": DATABASE,
            "POSTGRES_PASSWORD_FILE": "/run/secrets/postgres_password",
        },
        volumes=(Volume("postgres_data", "/var/lib/postgresql/data"),),
        secrets=(SecretFile("postgres_password", POSTGRES_PASSWORD),),
        tmpfs=(Tmpfs("/var/run/postgresql", 16), Tmpfs("/tmp", 64)),
        # By TCP: while the image sets the database up for the first time, its server answers on the socket only.
        health=HealthCheck(
            ("pg_isready", "--quiet", "--host", "127.0.0.1", "--username", DATABASE, "--dbname", DATABASE),
            start_period=60,
        ),
        limits=Limits(memory_mb=768, cpus=1, pids=200, shared_memory_mb=128),
        stop_signal="SIGINT",  # fast shutdown: SIGTERM would wait for every client to leave
        stop_grace=60,
    )


def redis(settings: Settings) -> Service:
    """Redis: the hot store. What it acknowledged is on disk within a second (append-only file)."""
    ping = "REDISCLI_AUTH=$(cat /run/secrets/redis_password) redis-cli ping | grep -q PONG"
    return Service(
        name="redis",
        image=settings.images["redis"],
        user=User(999, 999),
        port=6379,
        host_number=13,
        command=("redis-server", "/etc/redis/redis.conf"),
        volumes=(Volume("redis-data", "/data"),),
        files=(FileMount("redis.conf", "/etc/redis/redis.conf"),),
        secrets=(
            SecretFile("redis_password", REDIS_PASSWORD),
            SecretFile("redis.acl", REDIS_PASSWORD, "user default on ~* &* +@all >{password}\n"),
        ),
        health=HealthCheck(("sh", "-c", ping)),
        limits=Limits(memory_mb=256, cpus=0.5, pids=64),
    )
