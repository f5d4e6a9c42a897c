"""The image of each service: the one place to bump them. `auren:images` overrides a line for one stack."""

IMAGES: dict[str, str | None] = {
    "nginx": "docker.io/library/nginx:1.28.0",
    "api": None,  # AUREN's own: they have no public image, so every stack names its own
    "bridge": None,
    "postgres": "docker.io/library/postgres:16.9",
    "redis": "docker.io/library/redis:7.4.5",
    "chromadb": "docker.io/chromadb/chroma:1.0.15",
    "zookeeper": "docker.io/confluentinc/cp-zookeeper:7.9.2",  # 7.9 is the last line with ZooKeeper
    "kafka": "docker.io/confluentinc/cp-kafka:7.9.2",
    "kafka-ui": "ghcr.io/kafbat/kafka-ui:v1.3.0",
}
