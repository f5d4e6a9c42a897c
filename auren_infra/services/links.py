"""The communication matrix: who may open a connection to whom. Start order, proxying and firewall follow."""

from auren_infra.services.model import Link, Protocol

MATRIX = (
    Link("nginx", "api", 8080, Protocol.HTTP, "API proxy"),
    Link("api", "postgres", 5432, Protocol.TCP, "Database queries"),
    Link("api", "redis", 6379, Protocol.TCP, "Cache, hot memory"),
    Link("api", "chromadb", 8000, Protocol.HTTP, "Vector search"),
    Link("api", "kafka", 9092, Protocol.TCP, "Event streaming"),
    Link("bridge", "postgres", 5432, Protocol.TCP, "State persistence"),
    Link("bridge", "redis", 6379, Protocol.TCP, "Checkpoints"),
    Link("bridge", "kafka", 9092, Protocol.TCP, "Event consumption"),
    Link("kafka", "zookeeper", 2181, Protocol.TCP, "Coordination"),
)
"""As the architecture has it."""

ADDITIONS = (Link("kafka-ui", "kafka", 9092, Protocol.TCP, "The Kafka UI shows what the broker tells it"),)
"""What the matrix leaves out and cannot do without; the purpose is the reason."""

LINKS = MATRIX + ADDITIONS
