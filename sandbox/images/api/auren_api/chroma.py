"""Measurements in Chroma, over its HTTP API (version 2)."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx
from auren_backing.biometrics import ClassifiedBiometric

from auren_api.embedding import embedding
from auren_api.settings import ChromaSettings

UNAVAILABLE = httpx.HTTPError
"""What every question raises while Chroma is away."""

DATABASE = "/api/v2/tenants/default_tenant/databases/default_database"
COLLECTION = "biometrics"
SIMILAR = 5
"""How many neighbours are told."""


class ChromaCollection:
    def __init__(self, settings: ChromaSettings) -> None:
        self._http = httpx.AsyncClient(base_url=f"http://{settings.host}:{settings.port}", timeout=3)
        self._id: str | None = None
        self._making = asyncio.Lock()

    async def close(self) -> None:
        await self._http.aclose()

    async def check(self) -> None:
        """A query in Chroma's own database."""
        (await self._http.get(DATABASE)).raise_for_status()

    async def put(self, biometric: ClassifiedBiometric) -> None:
        """Write it, or write it again: what Kafka delivers twice is one record."""
        metadata = biometric.model_dump(mode="json", exclude={"id"})
        records = {"ids": [str(biometric.id)], "embeddings": [embedding(biometric)], "metadatas": [metadata]}
        await self._ask("upsert", records)

    async def holds(self, biometric_id: UUID) -> bool:
        found = await self._ask("get", {"ids": [str(biometric_id)], "include": []})
        return bool(found["ids"])

    async def similar(self, biometric: ClassifiedBiometric) -> list[UUID]:
        """The nearest other measurements, nearest first."""
        question = {"query_embeddings": [embedding(biometric)], "n_results": SIMILAR + 1, "include": []}
        found = [UUID(name) for name in (await self._ask("query", question))["ids"][0]]
        return [name for name in found if name != biometric.id][:SIMILAR]

    async def _ask(self, verb: str, body: Mapping[str, object]) -> dict[str, Any]:
        response = await self._http.post(f"{await self._collection()}/{verb}", json=body)
        if response.status_code == 404:
            # Chroma was given an empty disk since: the collection of that id is gone with the old one.
            self._id = None
            response = await self._http.post(f"{await self._collection()}/{verb}", json=body)
        return _answer(response)

    async def _collection(self) -> str:
        async with self._making:
            if self._id is None:
                wanted = {"name": COLLECTION, "get_or_create": True}
                response = await self._http.post(f"{DATABASE}/collections", json=wanted)
                self._id = str(_answer(response)["id"])
            return f"{DATABASE}/collections/{self._id}"


def _answer(response: httpx.Response) -> dict[str, Any]:
    """What Chroma answered; what is no answer of Chroma's is as good as none."""
    try:
        return response.raise_for_status().json()
    except ValueError as error:
        raise httpx.DecodingError(f"Chroma's answer is no JSON: {error}", request=response.request) from None
