"""Projects, which group an account's resources, and what belongs to them."""

# ruff: noqa: ARG002  the interface's arguments are not needed everywhere

from collections.abc import Iterable

from sandbox.plugins.digitalocean.client import ApiError, Client, until
from sandbox.plugins.resource import Operation, Resource, State
from sandbox.plugins.values import Values

_DELETE_PATIENCE = 180.0
_PAGE = 200


class Project(Resource):
    """`digitalocean.Project`."""

    token = "digitalocean:index/project:Project"
    autoname = "name"

    def __init__(self, client: Client) -> None:
        self._client = client

    async def create(self, operation: Operation, inputs: Values) -> State:
        body = {"name": inputs["name"], "purpose": inputs["purpose"]}
        body |= {key: inputs[key] for key in ("description", "environment") if inputs.get(key)}
        project = (await self._client.post("/v2/projects", body))["project"]
        operation.made(_state(project, []))
        if inputs.get("resources"):
            await _move(self._client, project["id"], inputs["resources"])
        if inputs.get("isDefault"):
            await self._put(project["id"], inputs)
        return await self._state(project["id"])

    async def read(self, operation: Operation, state: State) -> State | None:
        found = await self._client.find(f"/v2/projects/{state.id}")
        return _state(found["project"], await _members(self._client, state.id)) if found else None

    async def update(self, operation: Operation, state: State, inputs: Values) -> State:
        await self._put(state.id, inputs)
        if "resources" in inputs:
            await _exchange(self._client, state.id, set(state.outputs.get("resources") or ()), set(inputs["resources"]))
        return await self._state(state.id)

    async def delete(self, operation: Operation, state: State) -> None:
        """Move its resources to the default project first. The API needs a moment for this."""
        if await self._client.find(f"/v2/projects/{state.id}") is None:
            return
        await _move(self._client, "default", await _members(self._client, state.id))

        async def look() -> bool:
            try:
                await self._client.delete_if_there(f"/v2/projects/{state.id}")
            except ApiError as error:
                if error.status == 412:
                    return False
                raise
            return True

        await until(operation, look, f"project ({state.id}) to be empty", _DELETE_PATIENCE)

    async def _put(self, project: str, inputs: Values) -> None:
        body = {
            "name": inputs["name"],
            "description": inputs.get("description", ""),
            "purpose": inputs["purpose"],
            "environment": inputs.get("environment", ""),
            "is_default": inputs["isDefault"],
        }
        await self._client.put(f"/v2/projects/{project}", body)

    async def _state(self, project: str) -> State:
        found = (await self._client.get(f"/v2/projects/{project}"))["project"]
        return _state(found, await _members(self._client, project))


class ProjectResources(Resource):
    """`digitalocean.ProjectResources`: these belong to the project, others in it are left alone."""

    token = "digitalocean:index/projectResources:ProjectResources"

    def __init__(self, client: Client) -> None:
        self._client = client

    async def create(self, operation: Operation, inputs: Values) -> State:
        await _move(self._client, inputs["project"], inputs["resources"])
        return State(inputs["project"], inputs)

    async def read(self, operation: Operation, state: State) -> State | None:
        if await self._client.find(f"/v2/projects/{state.id}") is None:
            return None
        members = await _members(self._client, state.id)
        given = state.outputs.get("resources", members)
        return State(state.id, {"project": state.id, "resources": [urn for urn in given if urn in members]})

    async def update(self, operation: Operation, state: State, inputs: Values) -> State:
        await _exchange(self._client, state.id, set(state.outputs["resources"]), set(inputs["resources"]))
        return State(state.id, inputs)

    async def delete(self, operation: Operation, state: State) -> None:
        if await self._client.find(f"/v2/projects/{state.id}") is not None:
            members = await _members(self._client, state.id)
            await _move(self._client, "default", set(state.outputs["resources"]) & set(members))


async def _members(client: Client, project: str) -> list[str]:
    """The uniform resource names of all that belongs to a project, page by page."""
    urns: list[str] = []
    page = 1
    while True:
        answer = await client.get(f"/v2/projects/{project}/resources", page=page, per_page=_PAGE)
        urns += [member["urn"] for member in answer["resources"]]
        if not ((answer.get("links") or {}).get("pages") or {}).get("next"):
            return urns
        page += 1


async def _exchange(client: Client, project: str, old: set[str], new: set[str]) -> None:
    """Moves what is no longer listed to the default project, unless it was deleted meanwhile, and the new ones in."""
    leaving = old - new
    if leaving:
        await _move(client, "default", leaving & set(await _members(client, project)))
    await _move(client, project, new - old)


async def _move(client: Client, project: str, urns: Iterable[str]) -> None:
    listed = sorted(urns)
    if listed:
        await client.post(f"/v2/projects/{project}/resources", {"resources": listed})


def _state(project: Values, members: list[str]) -> State:
    outputs: Values = {
        "name": project["name"],
        "purpose": project["purpose"].removeprefix("Other: "),
        "description": project.get("description") or None,
        "environment": project.get("environment") or None,
        "isDefault": project["is_default"],
        "ownerUuid": project["owner_uuid"],
        "ownerId": project["owner_id"],
        "createdAt": project["created_at"],
        "updatedAt": project["updated_at"],
        "resources": members,
    }
    return State(project["id"], outputs)
