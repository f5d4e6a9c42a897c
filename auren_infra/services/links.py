"""The communication matrix: who may open a connection to whom. Start order and proxying follow from it."""

from auren_infra.services.model import Link, Protocol

LINKS = (
    Link("nginx", "api", 8080, Protocol.HTTP, "API proxy"),
    Link("api", "postgres", 5432, Protocol.TCP, "Database queries"),
    Link("api", "redis", 6379, Protocol.TCP, "Cache, hot memory"),
)


def targets(source: str) -> tuple[str, ...]:
    """The services that `source` talks to, in the matrix's order."""
    return tuple(link.target for link in LINKS if link.source == source)
