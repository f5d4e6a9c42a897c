"""The stack's configuration as one validated `Settings`. Bad input is refused here, with all faults in one message.

`Pulumi.yaml` declares the same keys with their defaults and descriptions, and a test compares both. It has no types:
the engine would refuse the first wrong value by itself, and name neither the other faults nor a repair. Facts that only
a cloud knows (whether the zone exists) are looked up there (`auren_infra.cloud.questions`).
"""

import json
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
)
from pydantic.alias_generators import to_camel

from auren_infra import waivers
from auren_infra.droplet_sizes import SIZES
from auren_infra.settings.backups import Backups, Bucket, Restore, RestoreFrom, bucket
from auren_infra.settings.content_sources import ContentSources
from auren_infra.settings.directories import ANONYMISE, WEBSITE, SqlDirectory, SqlForOthersData, Website
from auren_infra.settings.docker import DockerSource, available_version
from auren_infra.settings.faults import ENCRYPTED, NAMESPACE, Fault, SettingsError, refusal, wrong
from auren_infra.settings.images import build_map, image_map, readable_builds, readable_images
from auren_infra.settings.name_servers import NameServer
from auren_infra.settings.networks import (
    CONTAINER_SUBNET,
    MovingFrom,
    Networks,
    VpcRange,
    reachable,
    reachable_or_empty,
)
from auren_infra.settings.secrets import (
    HIDDEN,
    Login,
    login_map,
    readable_logins,
    readable_readers,
    readable_secrets,
    reader_map,
    secret_map,
)
from auren_infra.settings.systems import SYSTEMS
from auren_infra.settings.vocabulary import (
    NAME,
    Domain,
    Flag,
    NoKeyOrOne,
    Origins,
    PublicKeys,
    Whole,
    Zone,
    list_of_texts,
    written_as,
)

__all__ = [
    "CONTAINER_SUBNET",
    "NAMESPACE",
    "DockerSource",
    "Fault",
    "Settings",
    "SettingsError",
    "SmokeTest",
    "load",
    "read",
    "refusal",
]

_LONGEST_SHOWN = 200
"""Characters of a wrong value that its fault repeats."""
_HARMLESS = {
    *("count", "example", "kept", "limit", "most", "other", "pinned", "sizes", "subnet", "systems", "what"),
}
"""The parts of messages that never hold a text of the setting's value."""


class SmokeTest(StrEnum):
    """What the smoke test requests at the end of an update."""

    DOMAIN = "domain"
    """The website and the API, by the machine's address and by the domain's names."""
    ADDRESS = "address"
    """By the machine's address only."""
    NONE = "none"


def _waivers(value: object) -> dict[str, str]:
    """Read the entries `RULE=REASON`, as the policy pack does."""
    chosen, faults = waivers.parse(list_of_texts(value))
    if faults:
        raise wrong("{faults}", faults="; ".join(faults))
    return chosen


def _zone_of_domain(zone: str, info: ValidationInfo) -> str:
    domain = info.data.get("domain")
    if domain and domain != zone and not domain.endswith(f".{zone}"):
        raise wrong("{domain} is not in it; name the zone that holds auren:domain", domain=domain)
    return zone


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise wrong("a droplet and a volume have this name: lower-case letters, digits and dashes, 63 at most")
    return value


def _droplet_image(value: str) -> str:
    if value not in SYSTEMS:
        raise wrong("not a system that AUREN is made for; choose one of {systems}", systems=", ".join(SYSTEMS))
    return value


def _droplet_size(value: str) -> str:
    if value not in SIZES:
        raise wrong("not a size that AUREN knows the capacity of; choose one of {sizes}", sizes=", ".join(SIZES))
    return value


class Settings(BaseModel):
    """All settings of a stack. The names state the units of sizes."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)

    name: Annotated[str, AfterValidator(_name)] = ""
    domain: Domain = "aupex.ai"
    cloudflare_zone: Annotated[Zone, AfterValidator(_zone_of_domain)] = Field("aupex.ai", validate_default=True)
    proxied: Flag = True
    moving_from: MovingFrom = ""
    region: Annotated[str, written_as(r"[a-z]{3}[0-9]", "nyc3")] = "nyc3"
    droplet_size: Annotated[str, AfterValidator(_droplet_size)] = "s-2vcpu-4gb"
    droplet_image: Annotated[str, AfterValidator(_droplet_image)] = "ubuntu-22-04-x64"
    vpc_range: VpcRange = Field("10.200.0.0/20", validate_default=True)
    ssh_allowed: Annotated[Networks, AfterValidator(reachable)]
    kafka_ui_allowed: Annotated[Networks, AfterValidator(reachable_or_empty)]
    operator_keys: PublicKeys = ()
    deploy_key: NoKeyOrOne = ""
    data_volume_size: Annotated[Whole, Field(ge=1, le=16384)] = 40
    protect_data: Flag = True
    docker_source: DockerSource = DockerSource.DOCKER
    # From 20 on: no supported system has an older release.
    docker_version: Annotated[
        str, written_as(r"[2-9][0-9](\.(0|[1-9][0-9]{0,2})){0,2}", "29.8"), AfterValidator(available_version)
    ] = Field("29.8", validate_default=True)
    reboot_window: Annotated[str, written_as(r"(([01][0-9]|2[0-3]):[0-5][0-9])?", "04:00")] = "04:00"
    images: Annotated[dict[str, str], BeforeValidator(image_map)] = Field([], validate_default=True)
    builds: Annotated[dict[str, str], BeforeValidator(build_map)] = Field([], validate_default=True)
    secrets: Annotated[dict[str, SecretStr], BeforeValidator(secret_map)] = Field({}, validate_default=True)
    service_secrets: Annotated[dict[str, tuple[str, ...]], BeforeValidator(reader_map)] = Field(
        [], validate_default=True
    )
    registries: Annotated[dict[str, Login], BeforeValidator(login_map)] = Field([], validate_default=True)
    website: Website = Field(WEBSITE, validate_default=True)
    sql_init: SqlDirectory = Field("sql/init", validate_default=True)
    backups: Backups = ""
    backup_days: Annotated[Whole, Field(ge=7, le=3650)] = 30
    backup_weeks: Annotated[Whole, Field(ge=0, le=520)] = 8
    backup_months: Annotated[Whole, Field(ge=0, le=120)] = 12
    fresh_backup_minutes: Annotated[Whole, Field(ge=0, le=10_080)] = 60
    restore_from: RestoreFrom = ""
    restore: Restore = Field("", validate_default=True)
    real_data: Flag = False
    sql_anonymise: SqlForOthersData = Field(ANONYMISE, validate_default=True)
    migration: Annotated[str, written_as(r"[ -~]{0,500}", "alembic upgrade head")] = ""
    migration_seconds: Annotated[Whole, Field(ge=1, le=3600)] = 300
    drain_seconds: Annotated[Whole, Field(ge=0, le=600)] = 60
    watch_seconds: Annotated[Whole, Field(ge=0, le=600)] = 10
    max_upload_megabytes: Annotated[Whole, Field(ge=1, le=1024)] = 10
    api_requests_per_second: Annotated[Whole, Field(ge=1, le=100_000)] = 20
    api_request_burst: Annotated[Whole, Field(ge=1, le=10_000)] = 40
    cors_origins: Origins = ()
    content_sources: ContentSources = Field([], validate_default=True)
    smoke_test: SmokeTest = SmokeTest.DOMAIN
    name_server: NameServer = ""
    users: Annotated[Whole, Field(ge=1, le=1_000_000)] = 100
    monthly_limit_usd: Annotated[Whole, Field(ge=1, le=100_000)] = 60
    waivers: Annotated[dict[str, str], BeforeValidator(_waivers)] = Field([], validate_default=True)

    @property
    def bucket(self) -> Bucket | None:
        """Where the backups are."""
        return bucket(self.backups)

    @property
    def source(self) -> Bucket | None:
        """Where another stack's backups are, which empty volumes are filled from."""
        return bucket(self.restore_from)

    @property
    def backup_minutes(self) -> int:
        """How old the newest backup may be before a change of what it holds. 0: none is asked for."""
        return self.fresh_backup_minutes if self.backups else 0

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names that visitors use."""
        return hosts_of(self.domain, self.cloudflare_zone, proxied=self.proxied)

    @property
    def warning(self) -> str:
        """A requirement that the settings cannot show, such as a certificate; empty when there is none."""
        levels = self.domain.removesuffix(self.cloudflare_zone).count(".")
        if not self.proxied or levels < 2:
            return ""
        return (
            f"{NAMESPACE}:domain: {self.domain} is {levels} levels below the zone {self.cloudflare_zone}. "
            "Cloudflare's own certificate is for one level: order an advanced certificate there, or choose a domain "
            "one level below the zone."
        )


def hosts_of(domain: str, zone: str, *, proxied: bool) -> tuple[str, ...]:
    """The names of a domain that visitors use.

    Cloudflare's own certificate covers the zone and one level below it. So `www.` before a proxied domain below the
    zone would have no certificate, and is not created.
    """
    return (domain,) if proxied and domain != zone else (domain, f"www.{domain}")


def load(configuration: Mapping[str, str], *, name: str = "auren") -> Settings:
    """Read a stack's configuration.

    `configuration` holds the engine's values by full key (`auren:domain`), of all namespaces; `name` is used when
    `auren:name` is empty. Raises `SettingsError` with all faults.
    """
    settings, faults = read(configuration, name=name)
    if faults:
        raise refusal(faults)
    return settings


def read(
    configuration: Mapping[str, str], *, name: str, encrypted: Collection[str] = ()
) -> tuple[Settings, list[Fault]]:
    """The settings and their faults. `auren_infra.admission` adds further faults to them.

    If there are faults, the returned settings hold placeholders. Use them only to describe the services.
    `encrypted` are the full keys of secret values. No fault repeats such a value.
    """
    prefix = f"{NAMESPACE}:"
    values = {key.removeprefix(prefix): value for key, value in configuration.items() if key.startswith(prefix)}
    values["name"] = values.get("name") or name
    for field in Settings.model_fields.values():
        if field.is_required() and field.alias and values.get(field.alias) == "":
            del values[field.alias]  # Pulumi.yaml's default; without it the engine would refuse the stack first
    try:
        return Settings.model_validate(values), []
    except ValidationError as error:
        faults = [_fault(fault, encrypted) for fault in error.errors(include_url=False)]
    return _placeholder(values, {_key(fault.where) for fault in faults}), faults


_JUDGED_FURTHER: dict[str, Callable[[object], object]] = {
    "images": readable_images,
    "builds": readable_builds,
    "secrets": readable_secrets,
    "serviceSecrets": readable_readers,
    "registries": readable_logins,
}
"""Reads the valid parts of a wrong value, so that later checks can report their faults in the same message."""


def _key(where: str) -> str:
    """`auren:sshAllowed[1]` -> `sshAllowed`."""
    return where.removeprefix(f"{NAMESPACE}:").partition("[")[0]


def _placeholder(values: Mapping[str, str], wrong: set[str]) -> Settings:
    """The settings with a default or a placeholder for each wrong value, so that later checks can run."""
    judged = {key: read_again(values[key]) for key, read_again in _JUDGED_FURTHER.items() if key in wrong}
    instead = {
        "sshAllowed": '["0.0.0.0/0"]',
        "kafkaUiAllowed": "[]",
        **{key: json.dumps(entries) for key, entries in judged.items()},
    }
    while True:
        right = {key: value for key, value in values.items() if key not in wrong}
        try:
            return Settings.model_validate({**instead, **right})
        except ValidationError as error:
            # A value that was valid only together with a wrong one, such as the zone of a misspelt domain.
            more = {_key(_fault(fault).where) for fault in error.errors(include_url=False)}
            if not more & right.keys():
                break
            wrong = wrong | more
    size, usual = right.get("dropletSize", ""), Settings.model_fields["droplet_size"].default
    return Settings.model_construct(
        name=values["name"],
        droplet_size=size if size in SIZES else usual,
        ssh_allowed=(),
        kafka_ui_allowed=(),
        images=image_map(judged.get("images", right.get("images", []))),
        builds=build_map(judged.get("builds", right.get("builds", []))),
        secrets=secret_map(judged.get("secrets", right.get("secrets", {}))),
        service_secrets=reader_map(judged.get("serviceSecrets", right.get("serviceSecrets", []))),
        registries=login_map(judged.get("registries", right.get("registries", []))),
    )


def _fault(fault: Any, encrypted: Collection[str] = ()) -> Fault:
    """The key, the reason and the repair."""
    location = [text if (text := str(part)).isprintable() else repr(text) for part in fault["loc"]]
    field = Settings.model_fields.get(location[0])
    if field and field.alias and fault["type"] != "extra_forbidden":
        location[0] = field.alias  # a fault of a default has the field's name
    key = f"{NAMESPACE}:{location[0]}" + "".join(f"[{part}]" for part in location[1:])
    if fault["type"] == "missing":
        return Fault(key, "is required and has no default")
    if fault["type"] == "extra_forbidden":
        known = ", ".join(field.alias or name for name, field in Settings.model_fields.items())
        return Fault(key, f"there is no such setting; the settings are {known}")
    parts: dict[str, object] = fault.get("ctx", {}) if fault["type"] == "setting" else {}
    if "domain" in parts and f"{NAMESPACE}:domain" in encrypted and location[0] != "domain":
        return Fault(key, "does not hold auren:domain; name the zone that holds it")
    if location[0] in HIDDEN:
        return Fault(key, fault["msg"])
    if f"{NAMESPACE}:{location[0]}" in encrypted:
        return Fault(key, fault["msg"] if parts.keys() <= _HARMLESS else ENCRYPTED)
    shown = repr(fault["input"])
    if len(shown) > _LONGEST_SHOWN:
        shown = f"{shown[:_LONGEST_SHOWN]}…"
    what, *more = fault["msg"].split("\n")
    return Fault(key, "\n".join([f"{what} (it is {shown})", *more]))
