"""The stack's configuration as one validated `Settings`. Bad input ends here, with every fault at once.

`Pulumi.yaml` declares the same keys with type, default and description for the engine and for `pulumi config`;
a test holds the two together. What can only be known by asking a cloud (does the zone exist, is there such a size)
is left to the API's own answer.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo
from pydantic.alias_generators import to_camel

from auren_infra import waivers
from auren_infra.droplet_sizes import SIZES
from auren_infra.settings.directories import Directory, Website
from auren_infra.settings.faults import NAMESPACE, Fault, SettingsError, refusal, wrong
from auren_infra.settings.images import STAND_IN, build_map, image_map
from auren_infra.settings.name_servers import NameServer
from auren_infra.settings.networks import CONTAINER_SUBNET, Networks, VpcRange, reachable
from auren_infra.settings.vocabulary import Domain, Flag, Origins, PublicKeys, Whole, Zone, list_of_texts, written_as

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


class DockerSource(StrEnum):
    DOCKER = "docker"
    """Docker's own package repository."""
    DISTRIBUTION = "distribution"
    """The operating system's packages."""


class SmokeTest(StrEnum):
    """What an update asks at its end."""

    DOMAIN = "domain"
    """The website and the API, by the machine's address and by the domain's names."""
    ADDRESS = "address"
    """By the machine's address alone."""
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


def _droplet_size(value: str) -> str:
    if value not in SIZES:
        raise wrong("not a size that AUREN knows the capacity of; choose one of {sizes}", sizes=", ".join(SIZES))
    return value


class Settings(BaseModel):
    """Every choice that an operator has. Sizes are in the units that the names say."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)

    domain: Domain = "aupex.ai"
    cloudflare_zone: Annotated[Zone, AfterValidator(_zone_of_domain)] = Field("aupex.ai", validate_default=True)
    proxied: Flag = True
    region: Annotated[str, written_as(r"[a-z]{3}[0-9]", "nyc3")] = "nyc3"
    droplet_size: Annotated[str, AfterValidator(_droplet_size)] = "s-2vcpu-4gb"
    droplet_image: Annotated[
        str, written_as(r"(ubuntu-[0-9]{2}-[0-9]{2}|debian-[0-9]{1,2})-x64", "ubuntu-22-04-x64")
    ] = "ubuntu-22-04-x64"
    ssh_allowed: Annotated[Networks, AfterValidator(reachable)]
    kafka_ui_allowed: Networks
    operator_keys: PublicKeys = ()
    vpc_range: VpcRange = Field("10.200.0.0/20", validate_default=True)
    data_volume_size: Annotated[Whole, Field(ge=1, le=16384)] = 40
    protect_data: Flag = True
    docker_source: DockerSource = DockerSource.DOCKER
    # From 20 on: no system that a droplet can have offers an older one.
    docker_version: Annotated[str, written_as(r"[2-9][0-9](\.(0|[1-9][0-9]{0,2})){0,2}", "24.0")] = "24.0"
    images: Annotated[dict[str, str], BeforeValidator(image_map)] = Field([], validate_default=True)
    builds: Annotated[dict[str, str], BeforeValidator(build_map)] = Field([], validate_default=True)
    website: Website = Field("website", validate_default=True)
    sql_init: Directory = Field("sql/init", validate_default=True)
    max_upload_megabytes: Annotated[Whole, Field(ge=1, le=1024)] = 10
    api_requests_per_second: Annotated[Whole, Field(ge=1, le=100_000)] = 20
    api_request_burst: Annotated[Whole, Field(ge=1, le=10_000)] = 40
    cors_origins: Origins = ()
    smoke_test: SmokeTest = SmokeTest.DOMAIN
    name_server: NameServer = ""
    users: Annotated[Whole, Field(ge=1, le=1_000_000)] = 100
    monthly_limit_usd: Annotated[Whole, Field(ge=1, le=100_000)] = 60
    waivers: Annotated[dict[str, str], BeforeValidator(_waivers)] = Field([], validate_default=True)


def load(configuration: Mapping[str, str], images: Mapping[str, str | None]) -> Settings:
    """Read a stack's configuration.

    `configuration` holds the engine's values by full key (`auren:domain`), of all namespaces; `images` the
    catalogue's pins by service. Raises `SettingsError` with all faults.
    """
    settings, faults = read(configuration, images)
    if faults:
        raise refusal(faults)
    return settings


def read(configuration: Mapping[str, str], images: Mapping[str, str | None]) -> tuple[Settings, list[Fault]]:
    """The settings, and their faults for those who have more to tell (`auren_infra.admission`).

    With faults, the settings are enough to describe services by, and good for nothing else.
    """
    prefix = f"{NAMESPACE}:"
    values = {key.removeprefix(prefix): value for key, value in configuration.items() if key.startswith(prefix)}
    try:
        return Settings.model_validate(values, context={"images": images}), []
    except ValidationError as error:
        faults = [_fault(fault) for fault in error.errors(include_url=False)]
    size, usual = values.get("dropletSize", ""), Settings.model_fields["droplet_size"].default
    described = Settings.model_construct(
        ssh_allowed=(),
        kafka_ui_allowed=(),
        images={service: pin or STAND_IN for service, pin in images.items()},
        droplet_size=size if size in SIZES else usual,
    )
    return described, faults


def _fault(fault: Any) -> Fault:
    """The key, what is wrong, what would be right."""
    location = [text if (text := str(part)).isprintable() else repr(text) for part in fault["loc"]]
    key = f"{NAMESPACE}:{location[0]}" + "".join(f"[{part}]" for part in location[1:])
    if fault["type"] == "missing":
        return Fault(key, "is required and has no default")
    if fault["type"] == "extra_forbidden":
        known = ", ".join(field.alias or name for name, field in Settings.model_fields.items())
        return Fault(key, f"there is no such setting; the settings are {known}")
    shown = repr(fault["input"])
    if len(shown) > _LONGEST_SHOWN:
        shown = f"{shown[:_LONGEST_SHOWN]}…"
    return Fault(key, f"{fault['msg']} (it is {shown})")
