"""Buckets of Spaces, by S3."""

# ruff: noqa: ARG002  the interface's arguments are not needed everywhere

import asyncio
import re
import time
from typing import Any

from sandbox.plugins.digitalocean.lifecycle_rules import fault_of, generated, rule_of, rule_to
from sandbox.plugins.digitalocean.spaces_client import S3Error, SpacesClient
from sandbox.plugins.resource import Operation, RefusedError, Resource, State
from sandbox.plugins.schema import Fault
from sandbox.plugins.values import UNKNOWN, Values

REGIONS = ("ams3", "atl1", "blr1", "fra1", "lon1", "mkc1", "nyc3", "ric1", "sfo2", "sfo3", "sgp1", "syd1", "tor1")
PATIENCE = 5 * 60.0


class SpacesBucket(Resource):
    """`digitalocean.SpacesBucket`.

    As in the official provider, only another region replaces it. Another name is written to the state, and the bucket
    keeps its own. Its ACL and its CORS rules are not read back.
    """

    token = "digitalocean:index/spacesBucket:SpacesBucket"
    autoname = "name"

    def __init__(self, client: SpacesClient) -> None:
        self._client = client

    def check(self, inputs: Values) -> list[Fault]:
        region = inputs.get("region")
        faults: list[Fault] = []
        if region is not UNKNOWN and str(region).lower() not in REGIONS:
            faults.append(Fault("region", f"expected region to be one of {_listed(REGIONS)}, got {region}"))
        rules = inputs.get("lifecycleRules")
        for index, rule in enumerate(rules if isinstance(rules, list) else []):
            if isinstance(rule, dict) and (fault := fault_of(rule)):
                faults.append(Fault(f"lifecycleRules[{index}]", fault))
        return faults

    def completed(self, inputs: Values) -> Values:
        region = inputs["region"]
        return inputs | {"region": region if region is UNKNOWN else region.lower()}

    def watched(self, inputs: Values) -> Values:
        """Without the rules' ids that the provider made itself."""
        rules = inputs.get("lifecycleRules")
        if not isinstance(rules, list):
            return inputs
        return inputs | {"lifecycleRules": [generated(rule) for rule in rules]}

    async def create(self, operation: Operation, inputs: Values) -> State:
        name, region = inputs["name"], inputs["region"]
        try:
            await self._client.call(region, "create_bucket", Bucket=name, ACL=inputs["acl"])
        except S3Error as error:
            raise RefusedError(f"Error creating Spaces bucket: {error}") from error
        except RefusedError as error:
            raise RefusedError(f"Error creating bucket: {error}") from error
        operation.made(State(name, _outputs(name, inputs)))
        given = {key: inputs[key] for key in ("acl", "corsRules", "versioning", "lifecycleRules") if inputs.get(key)}
        await self._configure(given, inputs)
        return await self._read(name, inputs) or State(name, _outputs(name, inputs))

    async def read(self, operation: Operation, state: State) -> State | None:
        name, known = state.id, state.outputs
        if not known:  # an import
            region, _, name = name.partition(",")
            if not name:
                raise RefusedError("importing a Spaces bucket requires the format: <region>,<name>")
            known = {"region": region, "name": name, "forceDestroy": False}
        return await self._read(name, known)

    async def update(self, operation: Operation, state: State, inputs: Values) -> State:
        old = state.outputs
        changed = {
            key: inputs.get(key)
            for key in ("acl", "corsRules", "versioning", "lifecycleRules")
            if inputs.get(key) != old.get(key) and not (key == "versioning" and inputs.get(key) is None)
        }
        await self._configure(changed, inputs)
        return await self._read(state.id, inputs) or State(state.id, _outputs(inputs["name"], inputs))

    async def delete(self, operation: Operation, state: State) -> None:
        name, region = state.outputs["name"], state.outputs["region"]
        while True:
            try:
                await self._client.call(region, "delete_bucket", Bucket=state.id)
                return
            except S3Error as error:
                if error.code != "BucketNotEmpty" or not state.outputs.get("forceDestroy"):
                    raise RefusedError(f'Error deleting Spaces Bucket: {error} "{name}"') from error
            except RefusedError as error:
                raise RefusedError(f"Error deleting bucket: {error}") from error
            try:
                await self._empty(region, name)
            except S3Error as error:
                raise RefusedError(f"Error Spaces Bucket force_destroy error deleting: {error}") from error

    async def _empty(self, region: str, bucket: str) -> None:
        """Deletes up to a thousand versions and markers."""
        found = await self._client.call(region, "list_object_versions", Bucket=bucket)
        listed = [*found.get("DeleteMarkers", []), *found.get("Versions", [])]
        objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in listed]
        await self._client.call(region, "delete_objects", Bucket=bucket, Delete={"Objects": objects})

    async def _configure(self, changed: Values, inputs: Values) -> None:
        bucket, region = inputs["name"], inputs["region"]
        for key, what, call, undo in _PARTS:
            if key not in changed:
                continue
            try:
                if changed[key] or undo is None:
                    await self._once_there(region, call, Bucket=bucket, **_arguments(key, changed[key]))
                else:
                    await self._client.call(region, undo, Bucket=bucket)
            except S3Error as error:
                doing = "putting" if changed[key] or undo is None else "deleting"
                raise RefusedError(f"Error {doing} {what}: {error}") from error

    async def _once_there(self, region: str, call: str, **arguments: Any) -> Values:
        """A bucket may be known a while after it was created."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return await self._client.call(region, call, **arguments)
            except S3Error as error:
                if error.code != "NoSuchBucket" or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(1)

    async def _read(self, bucket: str, known: Values) -> State | None:
        region = known["region"]
        try:
            await self._client.call(region, "head_bucket", Bucket=bucket)
        except S3Error as error:
            if error.status == 404:
                return None
            raise RefusedError(f'error reading Spaces bucket "{bucket}": {error}') from error
        except RefusedError as error:
            raise RefusedError(f"Error reading bucket: {error}") from error
        location = await self._once_there(region, "get_bucket_location", Bucket=bucket)
        versioning = await self._once_there(region, "get_bucket_versioning", Bucket=bucket)
        try:
            rules = (await self._once_there(region, "get_bucket_lifecycle_configuration", Bucket=bucket))["Rules"]
        except S3Error as error:
            if error.code != "NoSuchLifecycleConfiguration":
                raise
            rules = []
        found = known | {
            "region": location.get("LocationConstraint") or region,
            "versioning": {"enabled": versioning.get("Status") == "Enabled"},
            "lifecycleRules": [rule_of(rule) for rule in rules],
        }
        return State(bucket, _outputs(known["name"], found))


_PARTS = (
    ("acl", "Spaces ACL", "put_bucket_acl", None),
    ("corsRules", "Spaces CORS", "put_bucket_cors", "delete_bucket_cors"),
    ("versioning", "Spaces versioning", "put_bucket_versioning", None),
    ("lifecycleRules", "S3 lifecycle", "put_bucket_lifecycle_configuration", "delete_bucket_lifecycle"),
)


def _arguments(key: str, value: Any) -> Values:
    match key:
        case "acl":
            return {"ACL": value}
        case "versioning":
            status = "Enabled" if (value or {}).get("enabled") else "Suspended"
            return {"VersioningConfiguration": {"Status": status}}
        case "lifecycleRules":
            return {"LifecycleConfiguration": {"Rules": [rule_to(rule) for rule in value]}}
        case _:
            rules = [
                {re.sub("^.", lambda first: first[0].upper(), name): item for name, item in rule.items()}
                for rule in value
            ]
            return {"CORSConfiguration": {"CORSRules": rules}}


def _outputs(name: str, found: Values) -> Values:
    region = found["region"]
    return {
        "name": name,
        "region": region,
        "acl": found.get("acl"),
        "corsRules": found.get("corsRules"),
        "versioning": found.get("versioning"),
        "lifecycleRules": found.get("lifecycleRules"),
        "forceDestroy": found.get("forceDestroy", False),
        "bucketUrn": f"do:space:{name}",
        "endpoint": f"{region}.digitaloceanspaces.com",
        "bucketDomainName": f"{name}.{region}.digitaloceanspaces.com",
    }


def _listed(names: tuple[str, ...]) -> str:
    return "[" + " ".join(f'"{name}"' for name in names) + "]"
