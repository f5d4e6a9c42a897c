"""Images that are known not to fit: releases that our configuration does not support, and incomplete variants.

Each row has its reason, which the message shows to the operator. An image that is not in this table is accepted: it may
be somebody's own.
"""

import re
from dataclasses import dataclass

Release = tuple[int, ...]

_VERSION = re.compile(r"v?([0-9]{1,4}(?:\.[0-9]{1,4}){0,3})(?:[-_](?P<variant>.+))?")
"""The form of a release in a tag: `16.9`, `v1.3.0`, `1.28.0-alpine`."""
_WITHIN = re.compile(r"(?:.*-)?pg([0-9]{1,2})(?:-(?P<variant>.+))?")
"""The form of PostgreSQL's release in tags of an extension's images: `pg17`, `2.17.2-pg17`."""


@dataclass(frozen=True)
class Product:
    """What is known of the images of one product."""

    service: str
    repositories: tuple[str, ...]
    """Endings of repositories, whole parts of the path: `postgres` is also `mirror.gcr.io/library/postgres`."""
    official: tuple[str, ...] = ()
    """Endings of official repositories. There, a tag without a version moves from one release to the next."""
    name: str = ""
    example: str = ""
    known: range = range(0)
    """Numbers of its major releases. A tag with another number is not a release of it, and is accepted."""
    oldest: Release = ()
    too_old: str = ""
    """Why nothing before `oldest` fits."""
    end: Release = ()
    too_new: str = ""
    """Why nothing from `end` on fits."""
    variants: tuple[tuple[str, str], ...] = ()
    """Word that a part of a tag begins with, and why such an image does not fit."""
    never: str = ""
    """Why no release of it fits."""


PRODUCTS = (
    Product(
        "postgres",
        repositories=("postgres", "postgis", "pgvector", "timescaledb", "timescaledb-ha"),
        official=("library/postgres", "docker.io/postgres"),
        name="PostgreSQL",
        example="docker.io/library/postgres:17.6",
        known=range(9, 40),
        oldest=(14,),
        too_old="has no support any more",
        # docker-library/postgres#1259
        end=(18,),
        too_new="keeps its data in another directory, so its image refuses the data volume",
        # Without libnss_wrapper, initdb fails: "could not look up effective user ID 999".
        variants=(("alpine", "does not know the user 999, whom the data belongs to"),),
    ),
    Product(
        "redis",
        repositories=("redis",),
        official=("library/redis", "docker.io/redis"),
        name="Redis",
        example="docker.io/library/redis:7.4.5",
        known=range(2, 20),
        oldest=(7,),
        too_old="keeps its append-only file in one file, which the repair after a power cut does not know",
    ),
    Product(
        "chromadb",
        repositories=("chroma", "chromadb"),
        official=("chromadb/chroma",),
        name="Chroma",
        example="docker.io/chromadb/chroma:1.0.15",
        known=range(5),
        oldest=(1,),
        too_old="is a Python server with another configuration, another API and its data in another directory",
    ),
    Product(
        "nginx",
        repositories=("nginx", "nginx-unprivileged"),
        official=("library/nginx", "docker.io/nginx", "nginxinc/nginx-unprivileged"),
        name="nginx",
        example="docker.io/library/nginx:1.28.0",
        known=range(1, 2),
        oldest=(1, 16),
        too_old="does not know keepalive_timeout in an upstream, which the configuration has",
        variants=(("slim", "has no curl, which the health check calls"),),
    ),
    Product(
        "kafka",
        repositories=("cp-kafka", "cp-server"),
        official=("confluentinc/cp-kafka", "confluentinc/cp-server"),
        name="Confluent's image of Kafka",
        example="docker.io/confluentinc/cp-kafka:7.9.2",
        known=range(3, 30),
        end=(8,),
        too_new="is Kafka 4, which runs without ZooKeeper only",
    ),
    Product(
        "kafka",
        repositories=("kafka",),
        name="Kafka",
        example="docker.io/confluentinc/cp-kafka:7.9.2",
        known=range(2, 20),
        end=(4,),
        too_new="runs without ZooKeeper only",
    ),
    Product(
        "kafka",
        repositories=("apache/kafka", "apache/kafka-native", "bitnami/kafka", "bitnamilegacy/kafka", "strimzi/kafka"),
        example="docker.io/confluentinc/cp-kafka:7.9.2",
        never="has no program kafka-server-start, which the container is started with",
    ),
    Product(
        "zookeeper",
        repositories=("cp-zookeeper",),
        official=("confluentinc/cp-zookeeper",),
        name="Confluent's image of ZooKeeper",
        example="docker.io/confluentinc/cp-zookeeper:7.9.2",
        known=range(3, 30),
        end=(8,),
        too_new="does not exist, since 7.9 is the last line with ZooKeeper",
    ),
    Product(
        "zookeeper",
        repositories=("library/zookeeper", "docker.io/zookeeper", "bitnami/zookeeper", "bitnamilegacy/zookeeper"),
        example="docker.io/confluentinc/cp-zookeeper:7.9.2",
        never="has no program zookeeper-server-start, which the container is started with",
    ),
)


def misfit(service: str, reference: str) -> str:
    """Why this image is known not to fit the service; empty when it may fit."""
    repository, tag, pinned = _parts(reference)
    for product in PRODUCTS:
        if product.service != service or not _is_one_of(repository, product.repositories):
            continue
        if product.never:
            return f"{repository} {product.never}; take one such as {product.example}"
        if fault := _of_tag(product, repository, tag, pinned=pinned):
            return f"{fault}; take one such as {product.example}"
    return ""


def major(service: str, reference: str) -> int | None:
    """The major release in the tag of a known product's image; None if the tag does not contain one."""
    repository, tag, _ = _parts(reference)
    for product in PRODUCTS:
        if product.service == service and _is_one_of(repository, product.repositories):
            version = _version(tag)
            number = int(version[1].partition(".")[0]) if version else -1
            return number if number in product.known else None
    return None


def _version(tag: str) -> re.Match[str] | None:
    return _WITHIN.fullmatch(tag) or _VERSION.fullmatch(tag)


def _of_tag(product: Product, repository: str, tag: str, *, pinned: bool) -> str:
    for word, why in product.variants:
        if re.search(rf"(?:^|[-_.]){word}", tag):
            return f"the {word} variant of {product.name} {why}"
    version = _version(tag)
    if not version:
        if not pinned and _is_one_of(repository, product.official):
            return f"the tag {tag} of {product.name} names no release and moves to the next one"
        return ""
    release = tuple(int(part) for part in version[1].split("."))
    if release[0] not in product.known:
        return ""
    if product.end and release[: len(product.end)] >= product.end:
        return f"{product.name} {version[1]} {product.too_new}"
    if product.oldest and release < product.oldest[: len(release)]:
        return f"{product.name} {version[1]} {product.too_old}"
    return ""


def _parts(reference: str) -> tuple[str, str, bool]:
    """Repository, tag, and whether a digest says which image it is."""
    name, _, digest = reference.partition("@")
    repository, sign, tag = name.rpartition(":")
    if not sign or "/" in tag:
        repository, tag = name, ""
    return repository, tag, bool(digest)


def _is_one_of(repository: str, endings: tuple[str, ...]) -> bool:
    return any(repository == ending or repository.endswith(f"/{ending}") for ending in endings)
