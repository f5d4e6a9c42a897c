"""The containers of a machine: one command for each, in the order of the links."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_command as command

from auren_infra.files import paths, systemd
from auren_infra.host import orders
from auren_infra.host.configuration import Configuration
from auren_infra.host.machine import Machine, script
from auren_infra.placement import Instance, MachinePlan
from auren_infra.release_text import COMMAND
from auren_infra.services.model import Statement, Topics


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
    """The last command of each instance, by name: when it is done, the instance works."""
    others: Sequence[pulumi.Resource]
    """The commands that concern no single instance."""

    def __init__(
        self,
        machine: Machine,
        plan: MachinePlan,
        configuration: Configuration,
        after: Sequence[pulumi.Resource],
        *,
        docker_generation: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("auren:host:Containers", machine.name, None, opts)
        staged = {
            instance.name: machine.run(
                f"{instance.name}{COMMAND}",
                orders.Stage(
                    instance.name,
                    {name: secret.digest for name, secret in configuration.secrets[instance.name].items()},
                    configuration.release(instance),
                ),
                after=[*after, *(secret.command for secret in configuration.secrets[instance.name].values())],
                again_after=[docker_generation],
                parent=self,
                bound=1500,  # an image of a gigabyte over a slow line
            )
            for instance in plan.instances
        }
        retire = machine.run(
            "retire",
            orders.Retire(tuple(instance.name for instance in plan.instances)),
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
        for instance in plan.instances:
            deadline = instance.service.health.deadline
            container = machine.run(
                instance.name,
                orders.Switch(instance.name, deadline, staged[instance.name].stdout),
                after=[
                    *staged.values(),
                    *(configuration.directories[directory.source] for directory in instance.service.directories),
                    *(started[target.name] for target in plan.targets(instance)),
                ],
                parent=self,
                bound=3 * deadline + 300,  # the start, and the way back if it fails
            )
            started[instance.name] = _tasks(machine, instance, container, parent=self)
        tidy = machine.run("tidy", orders.Tidy(), after=list(started.values()), parent=self)
        self.started, self.others = started, (retire, supervision, tidy)
        self.register_outputs({})


def _tasks(
    machine: Machine, instance: Instance, container: command.remote.Command, parent: pulumi.Resource
) -> command.remote.Command:
    """What is done in an instance that is healthy. Returns the last command of the instance."""
    if topics := instance.service.task(Topics):
        container = _topics(machine, instance, topics, container, parent)
    if statement := instance.service.task(Statement):
        container = _statement(machine, instance, statement, container, parent)
    return container


def _topics(
    machine: Machine, instance: Instance, task: Topics, container: pulumi.Resource, parent: pulumi.Resource
) -> command.remote.Command:
    return machine.run(
        f"{instance.name}-topics",
        orders.KafkaTopics(
            instance.container,
            instance.service.port,
            tuple(
                f"{topic.name} {topic.partitions} {topic.retention_hours * 3_600_000} {topic.retention_mb * 2**20}"
                for topic in task.topics
            ),
        ),
        after=[container],
        parent=parent,
    )


def _statement(
    machine: Machine, instance: Instance, statement: Statement, container: pulumi.Resource, parent: pulumi.Resource
) -> command.remote.Command:
    return machine.run(
        f"{instance.name}-statement",
        orders.Sqlite(f"{paths.volume(statement.volume)}/{statement.database}", statement.sql),
        after=[container],
        parent=parent,
    )
