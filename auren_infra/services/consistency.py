"""Do the services fit together? What the types of `model` cannot say: of one service, of all, and of their links.

Whoever adds a service is told everything at once, before anything is registered, instead of by a machine that takes
half of it. Left out on purpose: whether they fit a droplet, which is `capacity`'s.
"""

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TypeVar

from auren_infra.services.catalogue import described
from auren_infra.services.inbound import SSH_PORT, inbound
from auren_infra.services.model import FILES, NO_PUBLIC_IMAGE, Link, Service, Statement, Topic, Topics, Update
from auren_infra.settings import CONTAINER_SUBNET, Fault, Settings
from auren_infra.settings.images import reference_fault, unreachable
from auren_infra.settings.releases import misfit

_Thing = TypeVar("_Thing", bound=Hashable)

_HERE = "auren_infra/services"
_CATALOGUE, _LINKS, _INBOUND = f"{_HERE}/catalogue.py", f"{_HERE}/links.py", f"{_HERE}/inbound.py"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_VOLUME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_LEAST_MEMORY_MB = 6
"""Docker starts nothing with less."""
_FIRST_HOST = 2
COMMANDS = frozenset(
    (
        *("ready", "data-disk", "docker", "network", "container-firewall", "machine-firewall", "updates"),
        *("log-rotation", "operators", "registries", "docker-compose.prod.yml", "retire", "programs", "supervision"),
        *("tidy", "release", "jobs"),
    )
)
"""The names of the commands on a machine that are of no service. A service's commands begin with its own name."""
_ENDINGS = ("-release", "-topics", "-statement", "-fill", "-backup-first", "-backups")
"""Of the names of a service's further commands."""
"""Before it are the network's own address and the bridge's."""


def faults(settings: Settings, links: Sequence[Link]) -> list[Fault]:
    """Of the catalogue as these settings make it, its pins, the links and the published ports."""
    return judge(described(settings), links, {port: tuple(sources) for port, sources in inbound(settings).items()})


def judge(services: Sequence[Service], links: Sequence[Link], ports: Mapping[int, Sequence[str]]) -> list[Fault]:
    """`ports` are those that have a line in `inbound`."""
    return [
        *(
            Fault(_CATALOGUE, f"{one.name}: {what}")
            for one in services
            for what in (*_of_one(one), *_of_its_mounts(one), *_of_its_update(one))
        ),
        *(Fault(_CATALOGUE, what) for what in _among(services)),
        *(Fault(_LINKS, what) for what in _of_links(services, links)),
        *(Fault(_INBOUND, what) for what in _of_ports(services, ports)),
    ]


def _of_one(service: Service) -> Iterator[str]:
    limits, health = service.limits, service.health
    if not _NAME.fullmatch(service.name):
        yield "a name is lower-case letters, digits and dashes, a letter first, since it is a host's; rename it"
    if service.name in COMMANDS or service.name.endswith(_ENDINGS):
        yield "a command on the machine has this name; rename it"
    if service.image != NO_PUBLIC_IMAGE and (fault := _of_pin(service.name, service.image)):
        yield f"its image: {fault}"
    for number in service.host_numbers:
        if not _FIRST_HOST <= number < CONTAINER_SUBNET.num_addresses - 1:
            yield f"host number {number} is not on {CONTAINER_SUBNET}; take another, from {_FIRST_HOST} on"
    for port in sorted({service.port, *service.published}):
        if not 1 <= port <= 65535:
            yield f"{port} is no port; choose one of 1 to 65535"
    if limits.memory_mb < _LEAST_MEMORY_MB or limits.cpus <= 0 or limits.pids < 1 or limits.open_files < 1:
        yield f"with {limits} it could not run; Docker's least is {_LEAST_MEMORY_MB} MB, and some of everything else"
    if min(health.interval, health.timeout, health.retries) < 1 or not health.command:
        yield f"with {health} nobody would know whether it works; give it a command, and a second and a try at least"
    for kind in _twins(type(task).__name__ for task in service.tasks):
        yield f"it has two tasks of the kind {kind}; put them together"
    for topic in _topics(service):
        if not _TOPIC.fullmatch(topic.name) or min(topic.partitions, topic.retention_hours, topic.retention_mb) < 1:
            yield f"{topic} cannot be made; a name is letters, digits, dots, dashes, and every number is at least 1"


def _of_its_update(service: Service) -> Iterator[str]:
    if service.update is Update.RELOAD and (service.secrets or not service.files):
        yield "it reads its files while it runs, so it has files, and no secret; stop it first"
    if service.update is not Update.START_FIRST:
        return
    if service.volumes or service.published:
        yield "two containers of it run during an update, so it can have no volume and publish no port; stop it first"
    if service.task(Topics) or service.task(Statement):
        yield "two containers of it run during an update, so no task can be done in one of them; stop it first"


def _topics(service: Service) -> Sequence[Topic]:
    task = service.task(Topics)
    return task.topics if task else ()


def _of_pin(service: str, reference: str) -> str:
    return reference_fault(reference) or unreachable(reference) or misfit(service, reference)


def _of_its_mounts(service: Service) -> Iterator[str]:
    mounted = [each.target for each in (*service.volumes, *service.directories, *service.tmpfs)]
    mounted += [FILES] if service.files else []
    for target in _twins(mounted):
        yield f"{target} is mounted twice, and one would hide the other; give each a place of its own"
    for target in mounted:
        if not target.startswith("/"):
            yield f"{target!r} is no place in a container; write a path from the root"
    for name in _twins(file.name for file in service.secrets):
        yield f"/run/secrets/{name} is two secrets; rename one"
    for name in _twins(service.files):
        yield f"the file {name} is named twice; keep one"


def _among(services: Sequence[Service]) -> Iterator[str]:
    """What is given once only."""
    yield from _given_twice(((one.name, one.name) for one in services), "the name {}", "rename one")
    yield from _given_twice(
        ((number, one.name) for one in services for number in (*one.host_numbers, one.restore_number) if number),
        "host number {}",
        "take one that no service has had",
    )
    yield from _given_twice(
        ((port, one.name) for one in services for port in one.published), "the published port {}", "publish another"
    )
    volumes = [(volume.name, one.name) for one in services for volume in one.volumes]
    yield from _given_twice(volumes, "the volume {}", "two services would write over each other: rename one")
    for name, owner in volumes:
        if not _VOLUME.fullmatch(name):
            yield f"{owner}: {name!r} is no volume's name; use lower-case letters, digits, dashes and underscores"
    topics = ((topic.name, one.name) for one in services for topic in _topics(one))
    yield from _given_twice(topics, "the topic {}", "keep one")
    sources = {mount.source for one in services for mount in one.directories}
    directories = [source.replace("/", "-") for source in sources]
    taken = COMMANDS | {one.name for one in services}
    for name in sorted({*_twins(directories), *taken.intersection(directories)}):
        yield f"the directory {name} has the name of another command on the machine; give it one of its own"
    origins = {(mount.source, mount.origin) for one in services for mount in one.directories}
    for source in _twins(source for source, _ in origins):
        yield f"the directory {source} comes from two places of the project; give each a name of its own"


def _of_links(services: Sequence[Service], links: Sequence[Link]) -> Iterator[str]:
    by_name = {service.name: service for service in services}
    known = ", ".join(sorted(by_name))
    sound: list[Link] = []
    for link in links:
        line = f"{link.source} to {link.target}"
        strangers = [name for name in (link.source, link.target) if name not in by_name]
        if strangers:
            yield f"{line}: there is no service {' and no '.join(map(repr, strangers))}; the services are {known}"
        elif link.source == link.target:
            yield f"{line}: a service needs no link to itself; remove it"
        else:
            sound.append(link)
            port = by_name[link.target].port
            if link.port != port:
                yield f"{line}: names port {link.port}, {link.target} listens on {port}; write {port}"
    for source, target in _twins((link.source, link.target) for link in links):
        yield f"{source} to {target} is there twice; keep one"
    for circle in _circles({name: {link.target for link in sound if link.source == name} for name in by_name}):
        yield f"{' -> '.join(circle)}: each waits for the next and none would start; remove one of these links"


def _circles(targets: dict[str, set[str]]) -> Iterator[list[str]]:
    """Every circle that is left when those before it are cut open."""
    while True:
        try:
            TopologicalSorter(targets).prepare()
        except CycleError as error:
            circle: list[str] = error.args[1][::-1]  # it comes from the last to the first
            yield circle
            targets[circle[0]].discard(circle[1])
        else:
            return


def _of_ports(services: Sequence[Service], ports: Mapping[int, Sequence[str]]) -> Iterator[str]:
    published = {port: service.name for service in services for port in service.published}
    for port, name in published.items():
        if port == SSH_PORT:
            yield f"{name} publishes {port}, which is the machine's own for SSH; publish another"
        elif port not in ports:
            yield f"{name} publishes {port}, and no line says who may reach it; add one"
    for port in ports:
        if port != SSH_PORT and port not in published:
            yield f"the firewall would open {port}, which no service publishes; remove its line"


def _given_twice(given: Iterable[tuple[Hashable, str]], what: str, mend: str) -> Iterator[str]:
    """`given` are things with the service that has each."""
    owners: dict[Hashable, list[str]] = {}
    for thing, owner in given:
        owners.setdefault(thing, []).append(owner)
    for thing, names in owners.items():
        if len(names) > 1:
            yield f"{what.format(thing)} is given to {' and '.join(names)}; {mend}"


def _twins(things: Iterable[_Thing]) -> list[_Thing]:
    return [thing for thing, count in Counter(things).items() if count > 1]
