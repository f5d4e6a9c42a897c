"""What runs, where it answers and where its logs are: a table for a person."""

from collections.abc import Iterable

from sandbox import cloud_server, docker_daemon, layout, pulumi_stack, registry, stack_config
from sandbox.clouds.spaces import object_store
from sandbox.clouds.state import State
from sandbox.directions import directions

Row = tuple[str, str, str]


def table() -> str:
    rows: list[Row] = [("WHAT", "STATE", "WHERE"), *_parts(), *_droplets()]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"{what:<{widths[0]}}  {state:<{widths[1]}}  {where}".rstrip() for what, state, where in rows]
    look = directions(pulumi_stack.outputs(stack_config.LOCAL)) if running() else []
    return "\n".join([*lines, *([""] if look else []), *look])


def running() -> bool:
    return cloud_server.health() is not None


def _parts() -> Iterable[Row]:
    host = docker_daemon.chosen()
    alive = host is not None and docker_daemon.information(host) is not None
    yield "Docker daemon", _word(alive), host or "none"
    answers = running()
    yield "DigitalOcean API", _word(answers), f"http://{layout.API_ADDRESS}:{layout.API_PORT}/v2"
    yield "Cloudflare API", _word(answers), f"http://{layout.API_ADDRESS}:{layout.API_PORT}/client/v4"
    yield "name server", _word(answers), f"{layout.DNS_ADDRESS}:{layout.DNS_PORT} (udp, tcp)"
    yield "Spaces", _word(answers), f"https://REGION.{layout.SPACES_DOMAIN} inside droplets, {_stored()}"
    yield "image registry", _word(registry.is_running()), f"https://{layout.REGISTRY_HOST} inside droplets"
    yield "logs", "", str(layout.STATE / "logs")
    yield "cache", "", str(layout.CACHE)


def _droplets() -> Iterable[Row]:
    """As the clouds remember them, which is also true while they are stopped."""
    try:
        known = State.model_validate_json((layout.STATE / "clouds" / "state.json").read_bytes()).digitalocean
    except FileNotFoundError:
        return
    for droplet in known.droplets.values():
        reserved = [str(one.ip) for one in known.reserved_ips.values() if one.droplet_id == droplet.id]
        yield f"droplet {droplet.name}", droplet.status, ", ".join([*reserved, str(droplet.public_ipv4)])


def _stored() -> str:
    alive = object_store.HERE.process.pid() is not None
    return "its object store runs" if alive else "its object store starts at the first request"


def _word(alive: bool) -> str:
    return "running" if alive else "stopped"
