"""Do the secrets that are given fit the services? Each that is declared is set, and each that is set has a reader.

No message here repeats a secret's value.
"""

from collections.abc import Collection, Iterator, Sequence

from auren_infra.services.model import Given, Service
from auren_infra.settings import NAMESPACE, Fault, Settings, backups
from auren_infra.settings.secrets import KEY, how_to_set

READERS = f"{NAMESPACE}:serviceSecrets"
REGISTRIES = f"{NAMESPACE}:registries"


def faults(
    settings: Settings, services: Sequence[Service], in_plain: Collection[str], wrong: Collection[str] = ()
) -> list[Fault]:
    """One fault for each setting, with all its reasons. `services` are those of the catalogue.

    `in_plain` are the names of the secrets that stand in plain text in the stack's configuration. `wrong` are the keys
    that have a fault already. A wrong entry may name the reader of any secret.
    """
    of_secrets = [*_missing(settings, services), *_plain(in_plain), *_of_backups(settings)]
    if not {READERS, REGISTRIES} & {*wrong}:
        of_secrets += _without_reader(settings, services)
    found = {
        KEY: of_secrets,
        READERS: [*_of_readers(settings, services)],
        REGISTRIES: [*_of_logins(settings)],
    }
    return [Fault(key, "; ".join(reasons)) for key, reasons in found.items() if reasons]


def _wanted(settings: Settings, services: Sequence[Service]) -> dict[str, str]:
    """Each secret that a service reads, and what declares it first."""
    declared = {
        file.secret.name: f"the service {service.name}"
        for service in services
        for file in service.secrets
        if isinstance(file.secret, Given)
    }
    return dict.fromkeys(settings.service_secrets, READERS) | declared


def _missing(settings: Settings, services: Sequence[Service]) -> Iterator[str]:
    wanted = _wanted(settings, services)
    for name, declaration in wanted.items():
        if name not in settings.secrets:
            yield f"{name} is not set, and {declaration} names it; set it: {how_to_set(name)}"
    for host, login in settings.registries.items():
        if login.secret not in settings.secrets and login.secret not in wanted:
            # Without the name, because somebody may have written the password in its place.
            yield (
                f"the password that {REGISTRIES} names for {host} is not set; write the secret's name there, "
                f"and set it: {how_to_set('NAME')}"
            )


def _without_reader(settings: Settings, services: Sequence[Service]) -> Iterator[str]:
    read = {*_wanted(settings, services), *(login.secret for login in settings.registries.values())}
    for name in settings.secrets:
        if name not in read:
            yield (
                f"{name} is set, and nothing reads it; name its readers in {READERS} as {name}=SERVICE, "
                f"or remove it: `pulumi config rm --path {KEY}.{name}`"
            )


def _plain(in_plain: Collection[str]) -> Iterator[str]:
    for name in sorted(in_plain):
        yield (
            f"{name} stands in plain text in the stack's configuration; whoever has read the file knows it, so make a "
            f"new one and set it: {how_to_set(name)}"
        )


def _of_backups(settings: Settings) -> Iterator[str]:
    for name in backups.SECRETS:
        if (given := settings.secrets.get(name)) is None:
            continue
        value = given.get_secret_value()
        if not value.isprintable() or value != value.strip():
            yield (
                f"{name} has a line break in it, or a space at its end or beginning; set it without: {how_to_set(name)}"
            )


def _of_readers(settings: Settings, services: Sequence[Service]) -> Iterator[str]:
    by_name = {service.name: service for service in services}
    known = ", ".join(sorted(by_name))
    for secret, readers in settings.service_secrets.items():
        for number, reader in enumerate(readers, start=1):
            if reader not in by_name:
                # Without its text, because somebody may have written the secret in its place.
                yield f"{secret}: its reader number {number} is no service; the services are {known}"
            elif secret in {file.name for file in by_name[reader].secrets}:
                yield f"{secret}: {reader} has a secret of this name by itself; give yours another name"


def _of_logins(settings: Settings) -> Iterator[str]:
    for host, login in settings.registries.items():
        password = settings.secrets.get(login.secret)
        if password and not password.get_secret_value().isprintable():
            yield f"{host}: {login.secret} is no password, since it holds a line break or the like; set it without"
