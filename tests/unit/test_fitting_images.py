"""Images that no container of AUREN could be made of: refused by name, before a machine tries."""

import json

import pytest

from auren_infra.admission import admit
from auren_infra.settings import SettingsError
from auren_infra.settings.images import unreachable
from auren_infra.settings.releases import major, misfit
from tests.unit.configuration import COMPLETE, DIGEST, PINS, engine_values


@pytest.mark.parametrize(
    ("service", "reference", "why"),
    [
        ("postgres", "docker.io/library/postgres:18.1", "PostgreSQL 18.1 keeps its data in another directory"),
        ("postgres", "docker.io/postgres:18", "PostgreSQL 18 keeps its data in another directory"),
        ("postgres", "library/postgres:19", "PostgreSQL 19 keeps its data in another directory"),
        ("postgres", "mirror.gcr.io/library/postgres:18.0-bookworm", "PostgreSQL 18.0 keeps its data"),
        ("postgres", "ghcr.io/somebody/postgres:18.2", "PostgreSQL 18.2 keeps its data"),
        ("postgres", f"docker.io/library/postgres:18.1@{DIGEST}", "PostgreSQL 18.1 keeps its data"),
        ("postgres", "docker.io/library/postgres:13.22", "PostgreSQL 13.22 has no support any more"),
        ("postgres", "docker.io/library/postgres:9.6", "PostgreSQL 9.6 has no support any more"),
        (
            "postgres",
            "docker.io/library/postgres:16.9-alpine",
            "the alpine variant of PostgreSQL does not know the user 999",
        ),
        ("postgres", "docker.io/library/postgres:16.9-alpine3.22", "the alpine variant of PostgreSQL"),
        ("postgres", "docker.io/library/postgres:bookworm", "names no release and moves to the next one"),
        ("postgres", "docker.io/library/postgres:18beta1", "names no release and moves to the next one"),
        ("redis", "docker.io/library/redis:6.2.20", "Redis 6.2.20 keeps its append-only file in one file"),
        ("redis", "docker.io/library/redis:alpine", "the tag alpine of Redis names no release"),
        ("chromadb", "docker.io/chromadb/chroma:0.6.3", "Chroma 0.6.3 is a Python server with another configuration"),
        ("chromadb", "ghcr.io/chroma-core/chroma:0.5.20", "Chroma 0.5.20 is a Python server"),
        ("nginx", "docker.io/library/nginx:1.14.2", "nginx 1.14.2 does not know keepalive_timeout in an upstream"),
        ("nginx", "docker.io/library/nginx:1.28.0-alpine-slim", "the slim variant of nginx has no curl"),
        ("nginx", "docker.io/library/nginx:mainline", "the tag mainline of nginx names no release"),
        ("kafka", "docker.io/confluentinc/cp-kafka:8.0.0", "is Kafka 4, which runs without ZooKeeper only"),
        ("kafka", "docker.io/apache/kafka:4.1.0", "Kafka 4.1.0 runs without ZooKeeper only"),
        ("kafka", "docker.io/apache/kafka:3.9.1", "has no program kafka-server-start"),
        ("kafka", "docker.io/bitnami/kafka:3.9", "has no program kafka-server-start"),
        ("zookeeper", "docker.io/confluentinc/cp-zookeeper:8.0.0", "does not exist, since 7.9 is the last line"),
        ("zookeeper", "docker.io/library/zookeeper:3.9", "has no program zookeeper-server-start"),
    ],
)
def test_an_image_that_does_not_fit_is_refused_with_the_reason_and_one_that_fits(
    service: str, reference: str, why: str
) -> None:
    """Each of these was accepted, and failed on the machine."""
    said = misfit(service, reference)
    assert why in said
    example = said.rpartition("; take one such as ")[2]
    assert misfit(service, example) == "", "the example must fit"
    chosen = [entry for entry in json.loads(COMPLETE["images"]) if not entry.startswith(f"{service}=")]
    with pytest.raises(SettingsError, match=f"auren:images: {service}: "):
        admit("prod", engine_values({**COMPLETE, "images": json.dumps([*chosen, f"{service}={reference}"])}))


@pytest.mark.parametrize(
    ("service", "reference"),
    [
        *((service, pin) for service, pin in PINS.items() if pin),
        ("postgres", "docker.io/library/postgres:17.6-bookworm"),
        ("postgres", "docker.io/library/postgres:14"),
        ("postgres", f"docker.io/library/postgres@{DIGEST}"),
        ("postgres", f"docker.io/library/postgres:bookworm@{DIGEST}"),
        ("postgres", "docker.io/pgvector/pgvector:pg17"),
        ("postgres", "registry.auren.test/auren/postgres:1"),
        ("postgres", "registry.auren.test/auren/postgres:20261101"),
        ("postgres", "registry.auren.test/auren/postgres:18ab34cd90ef"),
        ("redis", "docker.io/library/redis:7.4-alpine"),
        ("redis", "docker.io/library/redis:8.2.1"),
        ("redis", "docker.io/valkey/valkey:8.1"),
        ("chromadb", "docker.io/chromadb/chroma:1.5.9"),
        ("nginx", "docker.io/nginxinc/nginx-unprivileged:1.29-alpine"),
        ("kafka", "docker.io/confluentinc/cp-kafka:7.9.4"),
        ("kafka", "registry.auren.test/auren/kafka:3.9.1"),
        ("api", "ghcr.io/auren-ai/postgres:18.1"),
    ],
)
def test_an_image_that_nothing_speaks_against_is_taken(service: str, reference: str) -> None:
    assert misfit(service, reference) == ""


@pytest.mark.parametrize(
    ("reference", "release"),
    [
        ("docker.io/library/postgres:16.9", 16),
        ("ghcr.io/somebody/postgres:17", 17),
        ("docker.io/library/postgres:17.6-bookworm", 17),
        (f"docker.io/library/postgres@{DIGEST}", None),
        ("docker.io/pgvector/pgvector:pg17", 17),
        ("docker.io/timescale/timescaledb:2.17.2-pg16", 16),
        ("docker.io/postgis/postgis:16-3.5", 16),
        ("ghcr.io/somebody/database:pg17", None),
        ("registry.auren.test/auren/postgres:1", None),
        ("", None),
    ],
)
def test_the_major_release_is_read_where_the_tag_says_it(reference: str, release: int | None) -> None:
    assert major("postgres", reference) == release


@pytest.mark.parametrize(
    "registry",
    [
        *("registry.example", "registry.example:5000", "example.com", "hub.example.org", "registry.invalid"),
        *("localhost", "localhost:5000", "registry.localhost", "127.0.0.1:5000", "10.0.0.5:5000", "192.168.1.10"),
        *("172.18.0.1", "169.254.169.254", "100.64.0.9", "registry:5000", "nas.local", "hub.corp", "git.internal:5050"),
        *("registry.lan", "pi.home.arpa", "build.localdomain", "hidden.onion"),
    ],
)
def test_a_registry_that_no_droplet_reaches_is_refused(registry: str) -> None:
    assert unreachable(f"{registry}/auren/api:1.0") == (
        f"no droplet reaches {registry}; name a registry that is on the internet"
    )


@pytest.mark.parametrize(
    "reference",
    [
        *("docker.io/library/redis:7.4.5", "library/redis:7.4.5", "ghcr.io/auren-ai/auren-api:1.0.0"),
        *("registry.digitalocean.com/auren/api:1", "hub.aupex.ai:5000/api:1", "198.51.100.9:5000/api:1"),
        *(
            "registry.sandbox.test/auren/api:1",
            "localhosts/api:1",
            "myexample.com/a/b:1",
            "local.example-hub.dev/a/b:1",
        ),
    ],
)
def test_any_other_registry_is_taken(reference: str) -> None:
    assert unreachable(reference) == ""
