"""Projects: groups of resources. A resource without an assignment is in the default project."""

import uuid
from typing import Any, Literal

from fastapi import APIRouter, Request, Response

from sandbox.clouds.cloud import CloudDep
from sandbox.clouds.digitalocean.actions import timestamp
from sandbox.clouds.digitalocean.bodies import Body
from sandbox.clouds.digitalocean.errors import ApiError, conflict, invalid, not_found
from sandbox.clouds.digitalocean.paging import paged
from sandbox.clouds.state import DigitalOceanState, Project, now

router = APIRouter(prefix="/projects")

Environment = Literal["Development", "Staging", "Production", "development", "staging", "production", ""]
_PATHS = {"droplet": "droplets", "volume": "volumes", "reservedip": "reserved_ips", "space": "spaces"}


class ProjectCreate(Body):
    name: str
    purpose: str
    description: str = ""
    environment: Environment = ""


class ProjectUpdate(Body):
    name: str
    description: str
    purpose: str
    environment: Environment
    is_default: bool


class ProjectPatch(Body):
    """Clients written in Go send null for a field that does not change."""

    name: str | None = None
    description: str | None = None
    purpose: str | None = None
    environment: Environment | None = None
    is_default: bool | None = None


class Resources(Body):
    resources: list[str]


def default_project() -> Project:
    return Project(
        id=str(uuid.uuid4()),
        name="first-project",
        description="Update your project information under Settings",
        purpose="Just trying out DigitalOcean",
        environment="Development",
        is_default=True,
    )


def assign(state: DigitalOceanState, urn: str, project_id: str = "") -> str:
    """Put a resource into a project (the default one), out of any other; the project's id."""
    project = _found(state, project_id or "default")
    forget(state, urn)
    project.resources[urn] = now()
    return project.id


def forget(state: DigitalOceanState, urn: str) -> None:
    for project in state.projects.values():
        project.resources.pop(urn, None)


def _found(state: DigitalOceanState, project_id: str) -> Project:
    for project in state.projects.values():
        if project.id == project_id or (project_id == "default" and project.is_default):
            return project
    raise not_found()


def _known_urn(state: DigitalOceanState, urn: str) -> str:
    """The URN as it is kept; `floatingip` is the old name of `reservedip`."""
    match urn.lower().split(":", 2):
        case ["do", "droplet", name] if name.isdecimal() and int(name) in state.droplets:
            return f"do:droplet:{name}"
        case ["do", "volume", name] if name in state.volumes:
            return f"do:volume:{name}"
        case ["do", "floatingip" | "reservedip", name] if name in state.reserved_ips:
            return f"do:reservedip:{name}"
        case ["do", "space", name] if name in state.buckets:
            return f"do:space:{name}"
        case ["do", _, _]:
            raise not_found()
        case _:
            raise invalid(f"{urn!r} is not a uniform resource name such as do:droplet:1")


def _json(state: DigitalOceanState, project: Project) -> dict[str, Any]:
    return {
        "id": project.id,
        "owner_uuid": state.account_uuid,
        "owner_id": 1,
        "name": project.name,
        "description": project.description,
        "purpose": project.purpose,
        "environment": project.environment,
        "is_default": project.is_default,
        "created_at": timestamp(project.created_at),
        "updated_at": timestamp(project.updated_at),
    }


def _change(cloud: CloudDep, project_id: str, changes: dict[str, Any]) -> dict[str, Any]:
    with cloud.store.change() as whole:
        state = whole.digitalocean
        project = _found(state, project_id)
        if "name" in changes:
            _check_name(state, changes["name"], own=project.id)
        if changes.pop("is_default", False):
            for each in state.projects.values():
                each.is_default = each.id == project.id
        for field, value in changes.items():
            setattr(project, field, value)
        project.environment = project.environment.capitalize()
        project.updated_at = now()
        return {"project": _json(state, project)}


def _check_name(state: DigitalOceanState, name: str, own: str = "") -> None:
    if not name or len(name) > 175:
        raise invalid("name must have 1 to 175 characters")
    if any(each.name == name and each.id != own for each in state.projects.values()):
        raise conflict("name is already in use")


@router.get("")
def list_projects(cloud: CloudDep, request: Request) -> dict[str, Any]:
    with cloud.store.read() as whole:
        state = whole.digitalocean
        return paged(request, "projects", list(state.projects.values()), lambda project: _json(state, project))


@router.post("", status_code=201)
def create_project(cloud: CloudDep, body: ProjectCreate) -> dict[str, Any]:
    with cloud.store.change() as whole:
        state = whole.digitalocean
        _check_name(state, body.name)
        project = Project(
            id=str(uuid.uuid4()),
            name=body.name,
            description=body.description,
            purpose=body.purpose,
            environment=body.environment.capitalize(),
            is_default=False,
        )
        state.projects[project.id] = project
        return {"project": _json(state, project)}


@router.get("/{project_id}")
def get_project(cloud: CloudDep, project_id: str) -> dict[str, Any]:
    with cloud.store.read() as whole:
        return {"project": _json(whole.digitalocean, _found(whole.digitalocean, project_id))}


@router.put("/{project_id}")
def update_project(cloud: CloudDep, project_id: str, body: ProjectUpdate) -> dict[str, Any]:
    return _change(cloud, project_id, body.model_dump())


@router.patch("/{project_id}")
def patch_project(cloud: CloudDep, project_id: str, body: ProjectPatch) -> dict[str, Any]:
    return _change(cloud, project_id, body.model_dump(exclude_none=True))


@router.delete("/{project_id}", status_code=204)
def delete_project(cloud: CloudDep, project_id: str) -> Response:
    with cloud.store.change() as whole:
        state = whole.digitalocean
        project = _found(state, project_id)
        if project.is_default:
            raise ApiError(412, "cannot delete the default project")
        if project.resources:
            raise ApiError(412, "cannot delete a project with resources")
        del state.projects[project.id]
    return Response(status_code=204)


def _resource_json(urn: str, assigned_at: Any, status: str) -> dict[str, Any]:
    _, kind, name = urn.split(":", 2)
    return {
        "urn": urn,
        "assigned_at": timestamp(assigned_at),
        "links": {"self": f"https://api.digitalocean.com/v2/{_PATHS[kind]}/{name}"},
        "status": status,
    }


@router.get("/{project_id}/resources")
def list_resources(cloud: CloudDep, request: Request, project_id: str) -> dict[str, Any]:
    with cloud.store.read() as whole:
        held = list(_found(whole.digitalocean, project_id).resources.items())
        return paged(request, "resources", held, lambda item: _resource_json(*item, status="ok"))


@router.post("/{project_id}/resources")
def assign_resources(cloud: CloudDep, project_id: str, body: Resources) -> dict[str, Any]:
    with cloud.store.change() as whole:
        state = whole.digitalocean
        project = _found(state, project_id)
        urns = [_known_urn(state, urn) for urn in body.resources]
        before = {urn for urn in urns if urn in project.resources}
        for urn in urns:
            if urn not in before:
                assign(state, urn, project.id)
            if urn.startswith("do:reservedip:"):
                state.reserved_ips[urn.rsplit(":", 1)[1]].project_id = project.id
        return {
            "resources": [
                _resource_json(urn, project.resources[urn], "already_assigned" if urn in before else "assigned")
                for urn in urns
            ],
            "links": {},
        }
