"""Look-ups: a droplet."""

from sandbox.plugins.digitalocean.client import Client
from sandbox.plugins.digitalocean.droplets import outputs
from sandbox.plugins.resource import Function
from sandbox.plugins.values import Values


class GetDroplet(Function):
    """`digitalocean.get_droplet`, by id. Deliberately not by name or tag."""

    token = "digitalocean:index/getDroplet:getDroplet"

    def __init__(self, client: Client) -> None:
        self._client = client

    async def call(self, arguments: Values) -> Values:
        found = (await self._client.get(f"/v2/droplets/{arguments['id']}"))["droplet"]
        known = outputs(found)
        image = found["image"]
        return {
            **{name: value for name, value in known.items() if name not in ("dropletUrn", "publicNetworking")},
            "id": found["id"],
            "image": image.get("slug") or str(image["id"]),
            "urn": known["dropletUrn"],
            "tags": found["tags"],
        }
