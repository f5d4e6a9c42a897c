"""SSH keys of the account."""

# ruff: noqa: ARG002  the interface's arguments are not needed everywhere

from sandbox.plugins.digitalocean.client import Client
from sandbox.plugins.resource import Operation, Resource, State
from sandbox.plugins.values import Values


class SshKey(Resource):
    """`digitalocean.SshKey`."""

    token = "digitalocean:index/sshKey:SshKey"
    autoname = "name"

    def __init__(self, client: Client) -> None:
        self._client = client

    async def create(self, operation: Operation, inputs: Values) -> State:
        body = {"name": inputs["name"], "public_key": inputs["publicKey"]}
        return _state((await self._client.post("/v2/account/keys", body))["ssh_key"], inputs["publicKey"])

    async def read(self, operation: Operation, state: State) -> State | None:
        found = await self._client.find(f"/v2/account/keys/{state.id}")
        return _state(found["ssh_key"], state.outputs.get("publicKey", "")) if found else None

    async def update(self, operation: Operation, state: State, inputs: Values) -> State:
        updated = await self._client.put(f"/v2/account/keys/{state.id}", {"name": inputs["name"]})
        return _state(updated["ssh_key"], inputs["publicKey"])

    async def delete(self, operation: Operation, state: State) -> None:
        await self._client.delete_if_there(f"/v2/account/keys/{state.id}")


def _state(key: Values, given: str) -> State:
    """The key as it was given when it differs in surrounding white space only, which would read as a change."""
    same = given.strip() == key["public_key"].strip()
    outputs = {
        "name": key["name"],
        "publicKey": given if same else key["public_key"],
        "fingerprint": key["fingerprint"],
    }
    return State(str(key["id"]), outputs)
