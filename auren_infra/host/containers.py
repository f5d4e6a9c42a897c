"""The containers of a machine: one command for each, in the order of the links."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_command as command

from auren_infra.blueprint import Blueprint
from auren_infra.files import paths
from auren_infra.host.configuration import Configuration
from auren_infra.host.machine import Machine, script
from auren_infra.services.model import Service, Statement


class Containers(pulumi.ComponentResource):
    """Each service's container, started after those that it talks to and waited for until it is healthy.

    A command carries its service's part of the compose file and the digests of its files and secrets, so exactly
    the containers that a change concerns are started anew. Another
    `docker_generation` has stopped and started all of them: each is asked again whether it is healthy.
    """

    started: Mapping[str, command.remote.Command]
    """The last command of each service: when it is done, the service works."""
    others: Sequence[pulumi.Resource]
    """The commands that concern no single service."""

    def __init__(
        self,
        machine: Machine,
        blueprint: Blueprint,
        configuration: Configuration,
        after: Sequence[pulumi.Resource],
        *,
        docker_generation: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("auren:host:Containers", machine.name, None, opts)
        services = blueprint.services
        compose_file = configuration.files["docker-compose.prod.yml"].command
        retire = machine.run(
            "retire",
            "retire",
            stdin="".join(f"{service.name}\n" for service in services),
            after=[compose_file, *after],
            parent=self,
        )
        images = machine.run("images", "pull_images", after=[compose_file, *after], parent=self)
        supervision = machine.run(
            "supervision", "supervision", stdin=script("watchdog"), after=[compose_file, *after], parent=self
        )
        started: dict[str, command.remote.Command] = {}
        for service in services:
            files = {mount.source: configuration.files[mount.source] for mount in service.files}
            secrets = {
                path: configuration.secrets[path] for path in (paths.secret(service, file) for file in service.secrets)
            }
            digests = [(source, file.digest) for source, file in files.items()]
            digests += [(path, secret.digest) for path, secret in secrets.items()]
            container = machine.run(
                service.name,
                "container",
                service.name,
                str(service.health.deadline),
                *_preflight(service),
                stdin=pulumi.Output.concat(
                    configuration.specifications[service.name],
                    *(pulumi.Output.concat("# ", source, " ", digest, "\n") for source, digest in digests),
                ),
                after=[
                    compose_file,
                    *after,
                    *(file.command for file in files.values()),
                    *(configuration.directories[directory.source] for directory in service.directories),
                    *(secret.command for secret in secrets.values()),
                    *(started[target] for target in blueprint.targets(service.name)),
                ],
                again_after=[docker_generation],
                parent=self,
                bound=3 * service.health.deadline + 600,  # the pull, the start, and the way back if it fails
            )
            if service.topics:
                container = _topics(machine, service, container, parent=self)
            if service.statement:
                container = _statement(machine, service, service.statement, container, parent=self)
            started[service.name] = container
        self.started, self.others = started, (retire, images, supervision)
        self.register_outputs({})


def _topics(
    machine: Machine, service: Service, container: pulumi.Resource, parent: pulumi.Resource
) -> command.remote.Command:
    return machine.run(
        f"{service.name}-topics",
        "kafka_topics",
        service.container,
        str(service.port),
        stdin="".join(
            f"{topic.name} {topic.partitions} {topic.retention_hours * 3_600_000} {topic.retention_mb * 2**20}\n"
            for topic in service.topics
        ),
        after=[container],
        parent=parent,
    )


def _statement(
    machine: Machine, service: Service, statement: Statement, container: pulumi.Resource, parent: pulumi.Resource
) -> command.remote.Command:
    return machine.run(
        f"{service.name}-statement",
        "sqlite",
        f"{paths.volume(statement.volume)}/{statement.database}",
        stdin=statement.sql,
        after=[container],
        parent=parent,
    )


def _preflight(service: Service) -> tuple[str, ...]:
    if service.preflight is None:
        return ()
    return (f"{paths.PROJECT}/{service.preflight.source}", *service.preflight.command)
