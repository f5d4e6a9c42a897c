"""VPC networks."""

# ruff: noqa: ARG002  the interface's arguments are not needed everywhere

from sandbox.plugins.digitalocean.client import ApiError, Client, until
from sandbox.plugins.resource import Operation, Resource, State
from sandbox.plugins.values import Values

_DELETE_PATIENCE = 120.0


class Vpc(Resource):
    """`digitalocean.Vpc`."""

    token = "digitalocean:index/vpc:Vpc"
    autoname = "name"

    def __init__(self, client: Client) -> None:
        self._client = client

    async def create(self, operation: Operation, inputs: Values) -> State:
        body = {"name": inputs["name"], "region": inputs["region"]}
        body |= {key: inputs[name] for name, key in _OPTIONAL.items() if inputs.get(name)}
        return _state((await self._client.post("/v2/vpcs", body))["vpc"])

    async def read(self, operation: Operation, state: State) -> State | None:
        found = await self._client.find(f"/v2/vpcs/{state.id}")
        return _state(found["vpc"]) if found else None

    async def update(self, operation: Operation, state: State, inputs: Values) -> State:
        body = {
            "name": inputs["name"],
            "description": inputs.get("description", ""),
            "default": bool(state.outputs.get("default")),
        }
        return _state((await self._client.put(f"/v2/vpcs/{state.id}", body))["vpc"])

    async def delete(self, operation: Operation, state: State) -> None:
        """A network whose last member is just leaving refuses with 403 for a moment."""

        async def look() -> bool:
            try:
                await self._client.delete_if_there(f"/v2/vpcs/{state.id}")
            except ApiError as error:
                if error.status == 403:
                    refusals.append(str(error))
                    return False
                raise
            return True

        refusals: list[str] = []
        await until(operation, look, f"VPC {state.id} to be empty", patience=_DELETE_PATIENCE)


_OPTIONAL = {"description": "description", "ipRange": "ip_range"}


def _state(vpc: Values) -> State:
    return State(
        vpc["id"],
        {
            "name": vpc["name"],
            "region": vpc["region"],
            "description": vpc.get("description") or None,
            "ipRange": vpc["ip_range"],
            "vpcUrn": vpc["urn"],
            "default": vpc["default"],
            "createdAt": vpc["created_at"],
        },
    )
