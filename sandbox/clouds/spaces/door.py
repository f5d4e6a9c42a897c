"""The door of Spaces: real names outside, the object store inside.

The object store checks signatures and rights. The door adds what it does not know:

- the regions: a bucket is found at its own region's endpoint only, and each endpoint lists its own buckets;
- a name that is taken anywhere, the number of buckets, and a bucket that still holds old versions;
- faults on demand (`/_sandbox/faults`, whose `path` is matched with HOST/PATH), and the limit of requests.

Nothing that is signed is changed on the way. Left out: the CDN, websites, the week in which the name of a destroyed
bucket is not free again, and the limits of a single bucket's requests.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import unquote

import httpx
from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from starlette import routing
from starlette.applications import Starlette
from starlette.background import BackgroundTask

from sandbox.clouds.digitalocean import projects
from sandbox.clouds.faults import Faults
from sandbox.clouds.limits import RateLimit
from sandbox.clouds.spaces.answers import location, only_buckets, refusal
from sandbox.clouds.spaces.object_store import ObjectStore, ObjectStoreError
from sandbox.clouds.spaces.regions import Endpoint, endpoint_of
from sandbox.clouds.state import SpacesKey
from sandbox.clouds.store import Store

BUCKET_LIMIT = 100
PER_SECOND = 1500
"""Requests of one address to all buckets."""
METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"]
_TIMEOUT = httpx.Timeout(300, connect=5)
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect"})
_TAKEN = "The requested bucket name is not available. The bucket namespace is shared by all users of the system."


@dataclass(frozen=True)
class Asked:
    """What a request is about."""

    endpoint: Endpoint
    method: str
    bucket: str
    """Empty for the list of all buckets."""
    key: str
    query: frozenset[str]
    """The names of the query's parts."""
    access_key: str
    """As the request claims. The object store checks it."""

    @property
    def _of_the_bucket(self) -> bool:
        return bool(self.bucket) and not self.key and not self.query & _SUBRESOURCES

    @property
    def creates(self) -> bool:
        return self.method == "PUT" and self._of_the_bucket

    @property
    def deletes(self) -> bool:
        return self.method == "DELETE" and self._of_the_bucket


_SUBRESOURCES = frozenset(
    {"acl", "cors", "lifecycle", "policy", "versioning", "tagging", "website", "logging", "location"}
    | {"ownershipControls", "publicAccessBlock", "object-lock", "encryption", "replication", "notification"}
)


def create_door(store: Store, objects: ObjectStore, faults: Faults, limit: RateLimit) -> Starlette:
    """Spaces over the buckets and keys in `store`."""
    door = _Door(store, objects, faults, limit)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await door.client.aclose()

    return Starlette(lifespan=lifespan, routes=[routing.Route("/{path:path}", door.answer, methods=METHODS)])


class _Door:
    def __init__(self, store: Store, objects: ObjectStore, faults: Faults, limit: RateLimit) -> None:
        self._store, self._objects, self._faults, self._limit = store, objects, faults, limit
        self.client = httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False, limits=httpx.Limits(max_connections=None))
        self.client.headers.clear()  # nothing is added to what was signed

    async def answer(self, request: Request) -> Response:
        refused = await self._turned_away(request)
        if isinstance(refused, Asked):
            return await self._asked_inside(request, refused)
        async for _ in request.stream():
            pass  # or the client, which is still sending, sees a broken connection
        return refused

    async def _turned_away(self, request: Request) -> Response | Asked:
        """What is refused before the object store is asked; else what the request is about."""
        host = request.headers.get("host", "")
        found = endpoint_of(host)
        path = request.url.path
        if found is None:
            return refusal(400, f"{host} is not an endpoint of Spaces", resource=path)
        if fault := self._faults.take(request.method, f"{host.partition(':')[0]}{path}"):
            answer = refusal(fault.status, fault.message, resource=path)
            if fault.retry_after is not None:
                answer.headers["retry-after"] = str(fault.retry_after)
            return answer
        if self._limit.take(request.client.host if request.client else "").retry_after:
            return refusal(503, "Please reduce your request rate.", resource=path)
        asked = _asked(request, found)
        if asked.bucket and (region := self._region_of(asked.bucket)) not in (None, found.region):
            if asked.creates and self._may_do_everything(asked):
                return refusal(409, _TAKEN, code="BucketAlreadyExists", resource=path)
            return refusal(404, f"the bucket is in {region}", code="NoSuchBucket", resource=path)
        return asked

    async def _asked_inside(self, request: Request, asked: Asked) -> Response:
        path = request.url.path
        try:
            await asyncio.to_thread(self._objects.ensure)
            return await self._refused(asked, path) or await self._passed_on(request, asked)
        except (ObjectStoreError, httpx.TransportError) as error:
            return refusal(503, str(error) or type(error).__name__, code="ServiceUnavailable", resource=path)

    async def _refused(self, asked: Asked, path: str) -> Response | None:
        """For a key with all rights only: any other one gets the object store's own refusal."""
        if not (asked.creates or asked.deletes) or not self._may_do_everything(asked):
            return None
        known = self._region_of(asked.bucket)
        if asked.creates:
            if known:
                return refusal(409, _TAKEN, code="BucketAlreadyExists", resource=path)
            with self._store.read() as whole:
                if len(whole.digitalocean.buckets) >= BUCKET_LIMIT:
                    return refusal(400, "You have attempted to create more buckets than allowed", code="TooManyBuckets")
        if asked.deletes and known and await asyncio.to_thread(self._objects.holds_anything, asked.bucket):
            message = "The bucket you tried to delete is not empty"
            return refusal(409, message, code="BucketNotEmpty", resource=path)
        return None

    async def _passed_on(self, request: Request, asked: Asked) -> Response:
        scope = request.scope
        target = scope.get("raw_path", b"") + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
        onwards = self.client.build_request(
            request.method,
            httpx.URL(self._objects.url).copy_with(raw_path=target),
            headers=_without(request.headers.raw, _HOP_BY_HOP),
            content=request.stream() if has_body else None,
        )
        answered = await self.client.send(onwards, stream=True)
        if answered.is_success:
            self._remember(asked)
        if answered.is_success and not asked.key and request.method == "GET":
            if not asked.bucket:
                body = only_buckets(await answered.aread(), lambda name: self._is_here(name, asked.endpoint.region))
                return _whole(answered, body)
            if "location" in asked.query:
                await answered.aread()
                return _whole(answered, location(asked.endpoint.region))
        response = StreamingResponse(
            answered.aiter_raw(), status_code=answered.status_code, background=BackgroundTask(answered.aclose)
        )
        response.raw_headers = _without(answered.headers.raw, _HOP_BY_HOP)
        return response

    def _remember(self, asked: Asked) -> None:
        if not (asked.creates or asked.deletes):
            return
        with self._store.change() as whole:
            state, urn = whole.digitalocean, f"do:space:{asked.bucket}"
            if asked.creates:
                state.buckets[asked.bucket] = asked.endpoint.region
                projects.assign(state, urn)
            else:
                state.buckets.pop(asked.bucket, None)
                projects.forget(state, urn)

    def _region_of(self, bucket: str) -> str | None:
        with self._store.read() as whole:
            return whole.digitalocean.buckets.get(bucket)

    def _is_here(self, bucket: str, region: str) -> bool:
        return self._region_of(bucket) == region

    def _may_do_everything(self, asked: Asked) -> bool:
        with self._store.read() as whole:
            key: SpacesKey | None = whole.digitalocean.spaces_keys.get(asked.access_key)
            return key is not None and key.full_access


def _asked(request: Request, endpoint: Endpoint) -> Asked:
    path = unquote(request.scope.get("raw_path", b"").decode("ascii", "replace")).lstrip("/")
    bucket, _, key = (endpoint.bucket, "", path) if endpoint.bucket else path.partition("/")
    scheme, _, rest = request.headers.get("authorization", "").partition("Credential=")
    credential = rest if scheme.startswith("AWS4-") else request.query_params.get("X-Amz-Credential", "")
    return Asked(
        endpoint=endpoint,
        method=request.method,
        bucket=bucket,
        key=key,
        query=frozenset(request.query_params),
        access_key=credential.partition("/")[0],
    )


def _whole(answered: httpx.Response, body: bytes) -> Response:
    response = Response(body, status_code=answered.status_code)
    kept = _without(answered.headers.raw, _HOP_BY_HOP | {"content-length", "content-encoding"})
    response.raw_headers = [*kept, (b"content-length", str(len(body)).encode())]
    return response


def _without(headers: list[tuple[bytes, bytes]], left_out: frozenset[str]) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name.decode("latin-1").lower() not in left_out]
