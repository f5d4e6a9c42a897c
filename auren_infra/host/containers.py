"""The containers of a machine: one command for each, in the order of the links."""

import shlex
from collections.abc import Mapping, Sequence
from functools import partial

import pulumi
import pulumi_command as command

from auren_infra.files import paths, systemd
from auren_infra.host import orders
from auren_infra.host.configuration import Configuration
from auren_infra.host.machine import Machine, script
from auren_infra.placement import Instance, MachinePlan, instances
from auren_infra.release_text import COMMAND
from auren_infra.services import backups, capacity
from auren_infra.services.jobs import jobs
from auren_infra.services.model import Restore, Service, Statement, Topics, Update
from auren_infra.settings import Settings

RESTORE_SECONDS = 6 * 3600
"""That a restore or a first backup may take."""


class Containers(pulumi.ComponentResource):
    """Each service's release, staged, and then its container, started after those that it talks to.

    A release is staged and accepted while what ran before runs on. No container is touched before all releases are
    staged. Exactly the services whose release changes get it: in a new container, or in the one that runs, where it
    can read its files anew. A release that does not become healthy gives way to the one before.

    What stages a release prints the time. So a deployment that failed is tried again by the next one, also when its
    change was taken back meanwhile: the state has the inputs of the failed one.
    Another `docker_generation` has stopped and started all containers: each is asked again whether it is healthy.
    """

    started: Mapping[str, command.remote.Command]
    """The last command of each service, by name: when it is done, the service works."""
    live: Mapping[str, pulumi.Output[Instance]]
    """The instance of each service that is asked, by the service's name."""
    others: Sequence[pulumi.Resource]
    """The commands that concern no single service."""

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
            for service in plan.services
        }
        retire = machine.run(
            "retire",
            orders.Retire(tuple(instance.name for instance in plan.instances)),
            after=list(staged.values()),
            parent=self,
        )
        starts = {service.name: _starting(plan, service, staged[service.name].stdout) for service in plan.services}
        programs = machine.run(
            "programs", orders.Programs(_programs(plan, list(starts.values()))), after=after, parent=self
        )
        units = systemd.named(systemd.CONTAINERS, systemd.WATCHDOG, systemd.ALARM)
        supervision = machine.run(
            "supervision",
            orders.Supervision(script("watchdog"), units),
            after=[programs, *after],
            parent=self,
        )
        settings = plan.blueprint.settings
        filled = {
            service.name: machine.run(
                f"{service.name}-fill",
                orders.Fill(backups.wanted(settings), staged[service.name].stdout),
                after=[
                    programs,
                    staged[service.name],
                    *(configuration.directories[directory.source] for directory in service.directories),
                ],
                parent=self,
                bound=RESTORE_SECONDS,
            )
            for service in plan.services
            if service.task(Restore)
        }
        own = [*filled] if settings.bucket else []
        first = [
            machine.run(
                f"{name}-backup-first",
                orders.BackUpFirst(settings.backup_minutes, _staged_stores(plan, staged)),
                after=[programs, *staged.values(), *filled.values()],
                parent=self,
                bound=RESTORE_SECONDS,
            )
            for name in own
        ]
        started: dict[str, command.remote.Command] = {}
        live: dict[str, pulumi.Output[Instance]] = {}
        for service in plan.services:
            deadline = service.health.deadline
            container = machine.run(
                service.name,
                starts[service.name],
                after=[
                    *staged.values(),
                    *filled.values(),
                    *first,
                    *(configuration.directories[directory.source] for directory in service.directories),
                    *(started[target.name] for target in plan.targets(service.name)),
                ],
                parent=self,
                # The start, and the way back if it fails, or the end of the container before it.
                bound=3 * deadline + 300 + _beside(service, settings),
            )
            live[service.name] = container.stdout.apply(partial(_live, instances(service)))
            started[service.name] = _tasks(machine, plan.by_name[service.name], container, parent=self)
        tidy = machine.run("tidy", orders.Tidy(), after=list(started.values()), parent=self)
        backed_up = [
            machine.run(
                f"{name}-backups",
                orders.BackUp(staged[name].stdout),
                after=[programs, *started.values()],
                parent=self,
                bound=RESTORE_SECONDS,
            )
            for name in own
        ]
        timers = machine.run(
            "jobs",
            orders.Jobs(systemd.of_jobs(jobs(settings) if own else ())),
            after=[programs, *backed_up],
            parent=self,
        )
        self.started, self.live, self.others = started, live, (retire, supervision, tidy, *first, *backed_up, timers)
        self.register_outputs({})


def _beside(service: Service, settings: Settings) -> int:
    """The seconds of a migration, and of the time in which both containers run."""
    if service.update is not Update.START_FIRST:
        return 0
    return settings.drain_seconds + settings.watch_seconds + settings.migration_seconds


def _live(own: Sequence[Instance], said: str | None) -> Instance:
    """The instance that the script names when it has started it: `CONTAINER runs RELEASE…`.

    It has said nothing where an update leaves it out, and it never ran.
    """
    return next((instance for instance in own if (said or "").startswith(f"{instance.container} ")), own[0])


def _programs(plan: MachinePlan, starts: Sequence[orders.Start[pulumi.Output[str]]]) -> dict[str, str]:
    """By name. A rollback starts containers as a deployment does, with what is in `starts`."""
    lines = [shlex.join((order.service, order.id, *order.arguments()[1:])) for order in starts]
    settings = plan.blueprint.settings
    programs: dict[str, str] = {}
    if any(service.task(Restore) for service in plan.services):
        programs["stores"] = _stores(plan)
        programs["retention"] = f"{settings.backup_days} {settings.backup_weeks} {settings.backup_months}\n"
        if settings.bucket:
            programs |= {"auren-backup": script("backup"), "auren-restore": script("restore")}
        else:
            programs["fill-volumes"] = script("backup")
    return {
        "stop": script("stop"),
        **{order.id: script(order.id) for order in (orders.Switch, orders.StartFirst, orders.Reload)},
        "starts": "".join(f"{line}\n" for line in lines),
        "auren-rollback": script("rollback"),
        "auren-releases": script("list_releases"),
        **programs,
    }


def _stores(plan: MachinePlan) -> str:
    """A line for each volume that is copied: SERVICE VOLUME KIND.

    A service comes before those that it talks to. So ZooKeeper's copy knows each topic of Kafka's.
    """
    return "".join(
        f"{service.name} {volume.name} {volume.copy}\n"
        for service in reversed(plan.services)
        for volume in service.volumes
        if volume.copy
    )


def _staged_stores(plan: MachinePlan, staged: Mapping[str, command.remote.Command]) -> pulumi.Output[str]:
    """A line for each service whose data is in the backups: its name, and what has staged its release."""
    stores = [
        service for service in plan.services if service.task(Restore) or any(each.copy for each in service.volumes)
    ]
    return pulumi.Output.concat(
        *(part for store in stores for part in (f"{store.name} ", staged[store.name].stdout, "\n"))
    )


def _starting(plan: MachinePlan, service: Service, staged: pulumi.Output[str]) -> orders.Start[pulumi.Output[str]]:
    """What starts the container of the staged release."""
    seconds, settings = service.health.deadline, plan.blueprint.settings
    if service.update is Update.RELOAD:
        return orders.Reload(service.name, seconds, staged)
    if service.update is Update.STOP_FIRST:
        return orders.Switch(service.name, seconds, staged)
    lenders = capacity.lenders(settings, service.limits.memory_mb)
    return orders.StartFirst(service.name, seconds, staged, settings.drain_seconds, settings.watch_seconds, lenders)


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
