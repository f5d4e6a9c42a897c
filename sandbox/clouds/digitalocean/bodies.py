"""The base of every request body, and the checks that several kinds of resource share."""

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from sandbox.clouds.digitalocean.catalogue import REGIONS
from sandbox.clouds.digitalocean.errors import invalid
from sandbox.clouds.state import DigitalOceanState, now

_TAG = re.compile(r"[A-Za-z0-9:_\-]{1,255}")


class Body(BaseModel):
    """A JSON body: unknown fields and wrong types are refused, numbers are not read out of strings."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _empty_for_null(value: object) -> object:
    return [] if value is None else value


MAY_BE_EMPTY = (BeforeValidator(_empty_for_null), Field(default_factory=list))
Strings = Annotated[list[str], *MAY_BE_EMPTY]
"""A list that may be absent, and that clients written in Go send as null when it is empty."""
Numbers = Annotated[list[int], *MAY_BE_EMPTY]


def known_region(slug: str) -> str:
    slug = slug.lower()
    if slug not in REGIONS:
        raise invalid("invalid region")
    return slug


def remember_tags(state: DigitalOceanState, names: list[str]) -> list[str]:
    """The tags without repetition; those that the account does not have yet are made, as the real API does."""
    for name in names:
        if not _TAG.fullmatch(name):
            raise invalid(
                f"tag {name!r} is invalid: tags may only contain letters, numbers, colons, dashes, and underscores"
            )
        state.tags.setdefault(name, now())
    return list(dict.fromkeys(names))
