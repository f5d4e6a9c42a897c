"""The release of a service: everything of it that lands on a machine, but for the texts of its secrets."""

from collections.abc import Mapping

from auren_infra.files import compose, render
from auren_infra.placement import MachinePlan
from auren_infra.release_text import Release
from auren_infra.services.model import Migration, Preflight


def release(plan: MachinePlan, name: str, secrets: Mapping[str, str] | None = None) -> Release:
    """Of the service `name`. `secrets` are the digests of its secrets, by their names."""
    service = plan.by_name[name].service
    migration = service.task(Migration)
    return Release(
        owner=str(service.user),
        compose=compose.render_release(plan, service),
        files=render.service_files(plan, service),
        preflight=compose.preflight_name(name) if service.task(Preflight) else "",
        migration=f"{migration.seconds} {migration.command}" if migration else "",
        secrets=secrets or {},
    )
