"""Both APIs in one application, as one host serves them here: DigitalOcean's at `/v2`, Cloudflare's at `/client/v4`.

Beside them are `/cdn-cgi/trace`, as at every host behind Cloudflare, and `/_sandbox`, an API that no real cloud has:
health, faults on demand, and zones of other accounts.
"""

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Literal

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool

from sandbox.clouds.cloud import Cloud
from sandbox.clouds.cloudflare import app as cloudflare
from sandbox.clouds.cloudflare.zones import FREE, Plan
from sandbox.clouds.digitalocean import app as digitalocean
from sandbox.clouds.digitalocean.addresses import EDGE
from sandbox.clouds.digitalocean.projects import default_project
from sandbox.clouds.digitalocean.replay import replay
from sandbox.clouds.digitalocean.vpcs import defaults
from sandbox.clouds.faults import Fault, Faults, losing_answers
from sandbox.clouds.limits import RateLimit
from sandbox.clouds.spaces.object_store import ObjectStore
from sandbox.clouds.state import CloudflareState, DigitalOceanState, State, Zone
from sandbox.clouds.store import Store
from sandbox.clouds.tokens import Tokens
from sandbox.clouds.trace import trace
from sandbox.droplets.hypervisor import Hypervisor

VERSION = 4
"""The version of the state's format and of `/_sandbox`. Increase it when either changes."""


@dataclass(frozen=True)
class Limits:
    """Requests allowed to each token, as the real clouds allow them."""

    digitalocean_hour: int = digitalocean.HOURLY
    digitalocean_minute: int = digitalocean.PER_MINUTE
    cloudflare: int = cloudflare.REQUESTS


class NewZone(BaseModel):
    """What `/_sandbox/zones` takes; the rest of a zone is as for any other."""

    model_config = ConfigDict(extra="forbid")

    name: str
    status: Literal["initializing", "pending", "active", "moved"] = "active"
    account: str = ""


def open_store(directory: Path, zone: str) -> Store:
    """The clouds' memory below `directory`; an account that nobody used yet, with this zone, when there is none."""
    project, zone_id = default_project(), uuid.uuid4().hex
    fresh = State(
        digitalocean=DigitalOceanState(account_uuid=str(uuid.uuid4()), vpcs=defaults(), projects={project.id: project}),
        cloudflare=CloudflareState(
            account_id=uuid.uuid4().hex, user_id=uuid.uuid4().hex, zones={zone_id: Zone(id=zone_id, name=zone)}
        ),
    )
    return Store(directory, fresh)


def create_app(
    store: Store,
    hypervisor: Hypervisor,
    tokens: Tokens,
    *,
    faults: Faults | None = None,
    objects: ObjectStore | None = None,
    limits: Limits | None = None,
    plan: Plan = FREE,
) -> FastAPI:
    """The clouds over `hypervisor`'s machines. At start-up the machines are brought in line with the store.

    Without `objects`, nobody checks the keys of Spaces.
    """
    allowed = limits or Limits()
    cloud = Cloud(store, hypervisor, objects.know_keys if objects else lambda: None)
    faults = faults or Faults()
    replay_faults: list[str] = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        replay_faults.extend(await run_in_threadpool(replay, cloud))
        yield
        await run_in_threadpool(cloud.close)

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan)

    @app.get("/_sandbox/health")
    def health() -> dict[str, Any]:
        """Answers once the machines are what the state says; `faults` tells of those that could not be."""
        return {"status": "ok", "version": VERSION, "pid": os.getpid(), "faults": replay_faults}

    @app.post("/_sandbox/faults", status_code=201)
    def add_fault(fault: Fault) -> Fault:
        """Let the next requests fail: `{"path": "^/v2/droplets", "status": 503, "times": 2}`. See `Fault`."""
        faults.add(fault)
        return fault

    @app.get("/_sandbox/faults")
    def list_faults() -> list[Fault]:
        return faults.waiting()

    @app.delete("/_sandbox/faults", status_code=204)
    def clear_faults() -> None:
        faults.clear()

    @app.post("/_sandbox/zones", status_code=201)
    def add_zone(zone: NewZone) -> dict[str, str]:
        """A zone that somebody else made: `{"name": "aupex.ai", "status": "pending", "account": "Agency"}`."""
        zone_id = uuid.uuid4().hex
        with store.change() as whole:
            whole.cloudflare.zones[zone_id] = Zone(id=zone_id, **zone.model_dump())
        return {"id": zone_id}

    @app.delete("/_sandbox/zones/{zone_id}", status_code=204)
    def remove_zone(zone_id: str) -> None:
        with store.change() as whole:
            whole.cloudflare.zones.pop(zone_id, None)

    app.get("/cdn-cgi/trace")(trace)
    apis = {
        "/v2": digitalocean.create_app(
            cloud,
            tokens,
            faults,
            hourly=RateLimit(allowed.digitalocean_hour, 3600),
            burst=RateLimit(allowed.digitalocean_minute, 60),
        ),
        "/client/v4": cloudflare.create_app(
            cloud,
            tokens.cloudflare,
            tokens.cloudflare_read_only,
            faults,
            RateLimit(allowed.cloudflare, cloudflare.SECONDS),
            origin_pulls_from=IPv4Network(EDGE),
            plan=plan,
        ),
    }
    for path, api in apis.items():
        app.mount(path, losing_answers(api, faults))
    return app
