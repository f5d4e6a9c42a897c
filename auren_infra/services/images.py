"""The image of each service: the one place to bump them. `auren:images` overrides a line for one stack.

The rehearsal's images hold the same versions, as far as Debian's packages, PyPI and Maven Central have them. A test
compares the two.
"""

IMAGES: dict[str, str | None] = {
    "nginx": "docker.io/library/nginx:1.30.6",  # 1.27.4 brought keepalive_min_timeout
    "api": None,  # AUREN's own: they have no public image, so every stack names its own
    "bridge": None,
    "postgres": "docker.io/library/postgres:17.12",
    "redis": "docker.io/library/redis:8.0.6",
    "chromadb": "docker.io/chromadb/chroma:1.5.9",
    "zookeeper": "docker.io/confluentinc/cp-zookeeper:7.9.2",  # 7.9 is the last line with ZooKeeper
    "kafka": "docker.io/confluentinc/cp-kafka:7.9.2",
    "kafka-ui": "ghcr.io/kafbat/kafka-ui:v1.3.0",
}
