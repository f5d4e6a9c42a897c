"""The stack's configuration as one validated `Settings`. Bad input ends here, with every fault at once.

`Pulumi.yaml` declares the same keys with type, default and description for the engine and for `pulumi config`;
a test holds the two together. What can only be known by asking a cloud (does the zone exist, is there such a size)
is left to the API's own answer.
"""

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import IPv4Network, ip_network
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from auren_infra import waivers
from auren_infra.droplet_sizes import SIZES

NAMESPACE = "auren"
CONTAINER_SUBNET = IPv4Network("172.18.0.0/16")
"""The subnet of `auren-network` on the machine: fixed, so it is no setting, but others must keep clear of it."""
DIRECTORY_MEGABYTES = 16
"""A directory's files travel through the stack's state; a larger website belongs in object storage."""

_IMAGE = re.compile(
    r"(?P<repository>[a-z0-9.-]+(?::\d+)?(?:/[a-z0-9._-]+)+)(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@sha256:[0-9a-f]{64})?"
)
_TEXTS = TypeAdapter(list[str])
_AUTHORIZED_KEY = re.compile(r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp\d+|sk-[\w@.-]+) [A-Za-z0-9+/]+=*( [^\n]*)?")


_PRIVATE = tuple(IPv4Network(network) for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


class SettingsError(ValueError):
    """The configuration's faults, one a line, each with its key and the mend."""


class DockerSource(StrEnum):
    DOCKER = "docker"
    """Docker's own package repository."""
    DISTRIBUTION = "distribution"
    """The operating system's packages."""


def _fault(message: str, **context: object) -> PydanticCustomError:
    return PydanticCustomError("setting", message, context)  # pyright: ignore[reportArgumentType]: a literal is for i18n


def _from_json(value: object) -> object:
    """The engine hands every value over as text; all but strings are JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _written_as(pattern: str, example: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise _fault("not written as it must be; write it like {example}", example=example)
        return value

    return AfterValidator(check)


def _list_of_texts(value: object) -> list[str]:
    try:
        return _TEXTS.validate_python(_from_json(value))
    except ValidationError:
        raise _fault("must be a list; write one entry a line, each behind a dash") from None


def _not_empty(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise _fault("names nobody; name at least the address that `pulumi up` runs at")
    return value


def _no_twins(value: tuple[str, ...]) -> tuple[str, ...]:
    for entry in value:
        if value.count(entry) > 1:
            raise _fault("{entry} is named twice; keep one", entry=entry)
    return value


def _network(value: str) -> str:
    try:
        ip_network(value)
    except ValueError as error:
        raise _fault("{reason}; write a network such as 198.51.100.0/24, or one address", reason=str(error)) from None
    return value


def _authorized_key(value: str) -> str:
    if not _AUTHORIZED_KEY.fullmatch(value):
        raise _fault("not a public key line; take the text of a file such as ~/.ssh/id_ed25519.pub")
    return value


def _vpc_range(value: str) -> str:
    _network(value)
    network = ip_network(value)
    if not (
        isinstance(network, IPv4Network)
        and 16 <= network.prefixlen <= 28
        and any(network.subnet_of(private) for private in _PRIVATE)
    ):
        raise _fault("a VPC needs a private IPv4 network (RFC 1918) of /16 to /28, such as 10.200.0.0/20")
    if network.overlaps(CONTAINER_SUBNET):
        raise _fault(
            "overlaps with the containers' network {containers}; choose another, such as 10.200.0.0/20",
            containers=str(CONTAINER_SUBNET),
        )
    return value


def _image_map(value: object, info: ValidationInfo) -> dict[str, str]:
    """Lay the entries `SERVICE=REFERENCE` over the catalogue's pins; every service ends up with an image."""
    pins: Mapping[str, str | None] = cast("dict[str, Any]", info.context)["images"]
    entries = _list_of_texts(value)
    chosen = dict(pins)
    faults: list[str] = []
    seen: set[str] = set()
    for entry in entries:
        service, _, reference = entry.partition("=")
        match = _IMAGE.fullmatch(reference)
        if service not in pins:
            faults.append(f"there is no service {service!r}; the services are {', '.join(sorted(pins))}")
        elif service in seen:
            faults.append(f"{service} is named twice; keep one")
        elif not match:
            faults.append(f"{entry!r} is not SERVICE=REGISTRY/REPOSITORY:TAG[@sha256:DIGEST]")
        elif match["tag"] in (None, "latest") and "@" not in reference:
            faults.append(f"{service}: name a tag other than latest, or a digest, so that it cannot change by itself")
        else:
            chosen[service] = reference
        seen.add(service)
    for service, reference in chosen.items():
        if reference is None and service not in seen:
            faults.append(f"{service} has no public image; add {service}=REGISTRY/REPOSITORY:TAG")
    if faults:
        raise _fault("{faults}", faults="; ".join(faults))
    return {service: reference for service, reference in chosen.items() if reference is not None}


def _build_map(value: object, info: ValidationInfo) -> dict[str, str]:
    """Read the entries `SERVICE=DIRECTORY`. Where a build is pushed to is the service's image in `auren:images`."""
    pins: Mapping[str, str | None] = cast("dict[str, Any]", info.context)["images"]
    images: Mapping[str, str] = info.data.get("images", {})  # not there when its own faults are told already
    builds: dict[str, str] = {}
    faults: list[str] = []
    for entry in _list_of_texts(value):
        service, _, directory = entry.partition("=")
        if service not in pins:
            faults.append(f"there is no service {service!r}; the services are {', '.join(sorted(pins))}")
        elif service in builds:
            faults.append(f"{service} is named twice; keep one")
        elif not directory:
            faults.append(f"{entry!r} is not SERVICE=DIRECTORY")
        elif not (Path(directory) / "Dockerfile").is_file():
            faults.append(f"{service}: {directory} has no Dockerfile; name the directory that the image is built from")
        elif service in images and images[service] == pins[service]:
            faults.append(f"{service} would be pushed over its public image; name your own for it in auren:images")
        elif "@" in images.get(service, ""):
            faults.append(
                f"{service}: its image in auren:images has a digest, which a build gives; leave the tag alone"
            )
        builds[service] = directory
    if faults:
        raise _fault("{faults}", faults="; ".join(faults))
    return builds


def _waivers(value: object) -> dict[str, str]:
    """Read the entries `RULE=REASON`, as the policy pack does."""
    chosen, faults = waivers.parse(_list_of_texts(value))
    if faults:
        raise _fault("{faults}", faults="; ".join(faults))
    return chosen


def _zone_of_domain(zone: str, info: ValidationInfo) -> str:
    domain = info.data.get("domain")
    if domain and domain != zone and not domain.endswith(f".{zone}"):
        raise _fault("{domain} is not in it; name the zone that holds auren:domain", domain=domain)
    return zone


def _droplet_size(value: str) -> str:
    if value not in SIZES:
        raise _fault("not a size that AUREN knows the capacity of; choose one of {sizes}", sizes=", ".join(SIZES))
    return value


def _directory(value: str) -> str:
    directory = Path(value)
    if not directory.is_dir():
        raise _fault("there is no such directory; name one relative to the project")
    megabytes = sum(path.stat().st_size for path in directory.rglob("*") if path.is_file()) / 2**20
    if megabytes > DIRECTORY_MEGABYTES:
        raise _fault(
            "the directory has {size} MB of files, the limit is {limit} MB; name one that holds only what is served",
            size=f"{megabytes:.0f}",
            limit=DIRECTORY_MEGABYTES,
        )
    return value


def _website(value: str) -> str:
    if not (Path(value) / "index.html").is_file():
        raise _fault("the directory has no index.html; build the website, or name the directory that it is built into")
    return value


Network = Annotated[str, AfterValidator(_network)]
PublicKey = Annotated[str, AfterValidator(_authorized_key)]
Origin = Annotated[
    str, _written_as(r"https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[1-9][0-9]{0,4})?", "https://app.aupex.ai")
]
Networks = Annotated[tuple[Network, ...], BeforeValidator(_list_of_texts)]
Origins = Annotated[tuple[Origin, ...], BeforeValidator(_list_of_texts), AfterValidator(_no_twins)]
Domain = Annotated[str, _written_as(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", "aupex.ai")]
Directory = Annotated[str, AfterValidator(_directory)]
Flag = Annotated[StrictBool, BeforeValidator(_from_json)]
Whole = Annotated[StrictInt, BeforeValidator(_from_json)]


class Settings(BaseModel):
    """Every choice that an operator has. Sizes are in the units that the names say."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)

    domain: Domain = "aupex.ai"
    cloudflare_zone: Annotated[Domain, AfterValidator(_zone_of_domain)] = Field("aupex.ai", validate_default=True)
    proxied: Flag = True
    region: Annotated[str, _written_as(r"[a-z]{3}[0-9]", "nyc3")] = "nyc3"
    droplet_size: Annotated[str, AfterValidator(_droplet_size)] = "s-2vcpu-4gb"
    droplet_image: Annotated[str, _written_as(r"(ubuntu|debian)-[0-9-]+-x64", "ubuntu-22-04-x64")] = "ubuntu-22-04-x64"
    ssh_allowed: Annotated[Networks, AfterValidator(_not_empty)]
    kafka_ui_allowed: Networks
    operator_keys: Annotated[tuple[PublicKey, ...], BeforeValidator(_list_of_texts)] = ()
    vpc_range: Annotated[str, AfterValidator(_vpc_range)] = "10.200.0.0/20"
    data_volume_size: Annotated[Whole, Field(ge=1, le=16384)] = 40
    protect_data: Flag = True
    docker_source: DockerSource = DockerSource.DOCKER
    docker_version: Annotated[str, _written_as(r"[0-9]+(\.[0-9]+){0,2}", "24.0")] = "24.0"
    images: Annotated[dict[str, str], BeforeValidator(_image_map)] = Field([], validate_default=True)
    builds: Annotated[dict[str, str], BeforeValidator(_build_map)] = Field([], validate_default=True)
    website: Annotated[Directory, AfterValidator(_website)] = Field("website", validate_default=True)
    sql_init: Directory = Field("sql/init", validate_default=True)
    max_upload_megabytes: Annotated[Whole, Field(ge=1, le=1024)] = 10
    api_requests_per_second: Annotated[Whole, Field(ge=1, le=100_000)] = 20
    api_request_burst: Annotated[Whole, Field(ge=1, le=10_000)] = 40
    cors_origins: Origins = ()
    users: Annotated[Whole, Field(ge=1, le=1_000_000)] = 100
    monthly_limit_usd: Annotated[Whole, Field(ge=1, le=100_000)] = 60
    waivers: Annotated[dict[str, str], BeforeValidator(_waivers)] = Field([], validate_default=True)


def load(configuration: Mapping[str, str], images: Mapping[str, str | None]) -> Settings:
    """Read a stack's configuration.

    `configuration` holds the engine's values by full key (`auren:domain`), of all namespaces; `images` the
    catalogue's pins by service. Raises `SettingsError` with all faults.
    """
    prefix = f"{NAMESPACE}:"
    values = {key.removeprefix(prefix): value for key, value in configuration.items() if key.startswith(prefix)}
    try:
        return Settings.model_validate(values, context={"images": images})
    except ValidationError as error:
        faults = [_describe(fault) for fault in error.errors(include_url=False)]
    raise SettingsError(
        f"The configuration has {len(faults)} fault{'s' if len(faults) > 1 else ''}; nothing was touched.\n"
        + "\n".join(f"  {fault}" for fault in faults)
        + "\nChange a value with `pulumi config set KEY VALUE`, or in the stack's Pulumi.STACK.yaml."
    )


def _describe(fault: Any) -> str:
    """One fault in one line: the key, what is wrong, what would be right."""
    location = [str(part) for part in fault["loc"]]
    message = str(fault["msg"])
    key = f"{NAMESPACE}:{location[0]}" + "".join(f"[{part}]" for part in location[1:])
    if fault["type"] == "missing":
        return f"{key}: is required and has no default"
    if fault["type"] == "extra_forbidden":
        known = ", ".join(field.alias or name for name, field in Settings.model_fields.items())
        return f"{key}: there is no such setting; the settings are {known}"
    return f"{key}: {message} (it is {fault['input']!r})"
