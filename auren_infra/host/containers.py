"""The containers of a machine: one command for each, in the order of the links."""

from collections.abc import Sequence

import pulumi

from auren_infra.files import compose, paths
from auren_infra.host.configuration import Configuration
from auren_infra.host.machine import Machine
from auren_infra.services.links import targets
from auren_infra.services.model import Service


class Containers(pulumi.ComponentResource):
    """Each service's container, started after those that it talks to and waited for until it is healthy.

    A command carries its service's part of the compose file and the digests of its files and secrets, so exactly
    the containers that a change concerns are started anew. `services` come in the order of their links.
    """

    def __init__(
        self,
        machine: Machine,
        services: Sequence[Service],
        configuration: Configuration,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("auren:host:Containers", machine.name, None, opts)
        compose_file = configuration.files["docker-compose.prod.yml"].command
        machine.run(
            "retire",
            "retire",
            stdin="".join(f"{service.name}\n" for service in services),
            after=[compose_file, *after],
            parent=self,
        )
        started: dict[str, pulumi.Resource] = {}
        for service in services:
            files = {mount.source: configuration.files[mount.source] for mount in service.files}
            secrets = {
                path: configuration.secrets[path] for path in (paths.secret(service, file) for file in service.secrets)
            }
            restarting = [mount.source for mount in service.files if mount.restart]
            digests = [(source, files[source].digest) for source in restarting]
            digests += [(path, secret.digest) for path, secret in secrets.items()]
            started[service.name] = machine.run(
                service.name,
                "container",
                service.name,
                str(service.health.deadline),
                *_preflight(service),
                stdin=pulumi.Output.concat(
                    compose.render_service(service),
                    *(pulumi.Output.concat("# ", source, " ", digest, "\n") for source, digest in digests),
                ),
                after=[
                    compose_file,
                    *after,
                    *(file.command for file in files.values()),
                    *(secret.command for secret in secrets.values()),
                    *(started[target] for target in targets(service.name)),
                ],
                parent=self,
                bound=3 * service.health.deadline + 600,  # the pull, the start, and the way back if it fails
            )
        self.register_outputs({})


def _preflight(service: Service) -> tuple[str, ...]:
    if service.preflight is None:
        return ()
    return (f"{paths.PROJECT}/{service.preflight.source}", *service.preflight.command)
