"""The containers of a machine: one command for each, in the order of the links."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_command as command

from auren_infra.blueprint import Blueprint
from auren_infra.files import paths, systemd
from auren_infra.host import orders
from auren_infra.host.configuration import Configuration
from auren_infra.host.machine import Machine, script
from auren_infra.release import COMMAND
from auren_infra.services.model import Service, Statement


class Containers(pulumi.ComponentResource):
    """Each service's release, staged, and then its container, started after those that it talks to.

    A release is staged and accepted while what ran before runs on. No container is touched before all releases are
    staged. Exactly the containers whose release changes are started anew, and a release that does not become healthy
    gives way to the one before.

    What stages a release prints the time. So a deployment that failed is tried again by the next one, also when its
    change was taken back meanwhile: the state has the inputs of the failed one.
    Another `docker_generation` has stopped and started all containers: each is asked again whether it is healthy.
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
        staged = {
            service.name: machine.run(
                f"{service.name}{COMMAND}",
                orders.Stage(
                    service.name,
                    {name: secret.digest for name, secret in configuration.secrets[service.name].items()},
                    configuration.release(service),
                ),
                after=[*after, *(secret.command for secret in configuration.secrets[service.name].values())],
                again_after=[docker_generation],
                parent=self,
                bound=1500,  # an image of a gigabyte over a slow line
            )
            for service in services
        }
        retire = machine.run(
            "retire",
            orders.Retire(tuple(service.name for service in services)),
            after=list(staged.values()),
            parent=self,
        )
        stop = machine.run(
            "stop", orders.PutFile(paths.STOP, "0755", "root:root", script("stop")), after=after, parent=self
        )
        units = systemd.named(systemd.CONTAINERS, systemd.WATCHDOG, systemd.ALARM)
        supervision = machine.run(
            "supervision",
            orders.Supervision(script("watchdog"), units),
            after=[stop, *after],
            parent=self,
        )
        started: dict[str, command.remote.Command] = {}
        for service in services:
            container = machine.run(
                service.name,
                orders.Switch(service.name, service.health.deadline, staged[service.name].stdout),
                after=[
                    *staged.values(),
                    *(configuration.directories[directory.source] for directory in service.directories),
                    *(started[target] for target in blueprint.targets(service.name)),
                ],
                parent=self,
                bound=3 * service.health.deadline + 300,  # the start, and the way back if it fails
            )
            if service.topics:
                container = _topics(machine, service, container, parent=self)
            if service.statement:
                container = _statement(machine, service, service.statement, container, parent=self)
            started[service.name] = container
        tidy = machine.run("tidy", orders.Tidy(), after=list(started.values()), parent=self)
        self.started, self.others = started, (retire, supervision, tidy)
        self.register_outputs({})


def _topics(
    machine: Machine, service: Service, container: pulumi.Resource, parent: pulumi.Resource
) -> command.remote.Command:
    return machine.run(
        f"{service.name}-topics",
        orders.KafkaTopics(
            service.container,
            service.port,
            tuple(
                f"{topic.name} {topic.partitions} {topic.retention_hours * 3_600_000} {topic.retention_mb * 2**20}"
                for topic in service.topics
            ),
        ),
        after=[container],
        parent=parent,
    )


def _statement(
    machine: Machine, service: Service, statement: Statement, container: pulumi.Resource, parent: pulumi.Resource
) -> command.remote.Command:
    return machine.run(
        f"{service.name}-statement",
        orders.Sqlite(f"{paths.volume(statement.volume)}/{statement.database}", statement.sql),
        after=[container],
        parent=parent,
    )
