"""The HTTP side: the paths of Kafka UI that health checks and people use, and one page."""

import logging
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from kafka_page.cluster import UNREACHABLE, Cluster, Topic
from kafka_page.settings import Settings

log = logging.getLogger(__name__)


def create_app(settings: Settings) -> FastAPI:
    cluster = Cluster(settings.bootstrap_servers)
    page = Environment(
        loader=PackageLoader("kafka_page"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    ).get_template("page.html")
    app = FastAPI(title="Kafka page", openapi_url=None)

    away = f"no broker answers at {settings.bootstrap_servers}"
    """All that an answer says of it; the reason is in the log."""

    async def unreachable(_: Request, error: Exception) -> JSONResponse:
        _note(error)
        return JSONResponse({"detail": away}, 503, {"Retry-After": "2"})

    async def unexpected(_: Request, __: Exception) -> JSONResponse:
        return JSONResponse({"detail": "internal error"}, 500)

    for error in UNREACHABLE:
        app.add_exception_handler(error, unreachable)
    app.add_exception_handler(Exception, unexpected)

    @app.get("/actuator/health")
    async def health() -> dict[str, str]:
        """This process alone; whether the broker answers is told by the cluster's status."""
        return {"status": "UP"}

    @app.get("/api/clusters")
    async def clusters() -> list[dict[str, Any]]:
        try:
            overview = await cluster.overview()
        except UNREACHABLE as error:
            _note(error)
            return [{"name": settings.cluster, "status": "offline", "lastError": away, "readOnly": True}]
        return [
            {
                "name": settings.cluster,
                # A broker that has just come back may know of nobody yet, itself included.
                "status": "online" if overview.brokers else "offline",
                "brokerCount": len(overview.brokers),
                "topicCount": len(overview.topics),
                "onlinePartitionCount": overview.partitions_online,
                "readOnly": True,
            }
        ]

    @app.get("/api/clusters/{name}/topics")
    async def topics(name: str) -> dict[str, Any]:
        if name != settings.cluster:
            raise HTTPException(404, f"there is no such cluster; there is {settings.cluster}")
        return {"pageCount": 1, "topics": [_described(topic) for topic in await cluster.topics()]}

    @app.get("/")
    async def overview() -> HTMLResponse:
        try:
            about, topics, groups = await cluster.everything()
        except UNREACHABLE as error:
            _note(error)
            return HTMLResponse(page.render(cluster=settings.cluster, fault=away), status_code=503)
        return HTMLResponse(
            page.render(cluster=settings.cluster, fault="", brokers=about.brokers, topics=topics, groups=groups)
        )

    return app


def _described(topic: Topic) -> dict[str, Any]:
    return {
        "name": topic.name,
        "internal": topic.internal,
        "partitionCount": len(topic.partitions),
        "replicationFactor": topic.replication_factor,
        "underReplicatedPartitions": topic.under_replicated,
        "partitions": [
            {"partition": each.id, "leader": each.leader, "offsetMin": each.begin, "offsetMax": each.end}
            for each in topic.partitions
        ],
    }


def _note(error: Exception) -> None:
    log.warning("Kafka does not answer: %s: %s", type(error).__name__, error)
