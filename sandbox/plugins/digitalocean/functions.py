"""Look-ups: a droplet that is there."""

from sandbox.plugins.digitalocean.client import Client
from sandbox.plugins.digitalocean.droplets import described
from sandbox.plugins.resource import Function, RefusedError
from sandbox.plugins.values import Values

_PAGE = 200


class GetDroplet(Function):
    """`digitalocean.get_droplet`, by id, by tag or by name; of the last two, exactly one droplet must match."""

    token = "digitalocean:index/getDroplet:getDroplet"

    def __init__(self, client: Client) -> None:
        self._client = client

    async def call(self, arguments: Values) -> Values:
        return {**arguments, **described(await self._found(arguments))}

    async def _found(self, arguments: Values) -> Values:
        if "id" in arguments:
            return (await self._client.get(f"/v2/droplets/{arguments['id']}"))["droplet"]
        key = next((key for key in ("tag", "name") if key in arguments), None)
        if key is None:
            raise RefusedError("Error: specify either a name, tag, or id to use to look up the droplet")
        wanted = arguments[key]
        found = [
            droplet
            for droplet in await self._all()
            if (wanted in droplet["tags"] if key == "tag" else wanted == droplet["name"])
        ]
        if not found:
            raise RefusedError(f"no droplet found with {key} {wanted}")
        if len(found) > 1:
            raise RefusedError(f"too many droplets found with {key} {wanted} (found {len(found)}, expected 1)")
        return found[0]

    async def _all(self) -> list[Values]:
        found: list[Values] = []
        while True:
            answer = await self._client.get("/v2/droplets", page=len(found) // _PAGE + 1, per_page=_PAGE)
            found += answer["droplets"]
            if len(answer["droplets"]) < _PAGE:
                return found
