"""What the stack costs a month, by DigitalOcean's price list."""

from collections.abc import Iterable

from auren_infra.droplet_sizes import SIZES, USD_FOR_SPACES, USD_PER_VOLUME_GB
from policy.resource import Stack, StackRule

DROPLET = "digitalocean:index/droplet:Droplet"
VOLUME = "digitalocean:index/volume:Volume"
BUCKET = "digitalocean:index/spacesBucket:SpacesBucket"


def _monthly_cost(stack: Stack) -> Iterable[tuple[str, str]]:
    """Droplets, volumes and Spaces; how much will be in a bucket, and traffic beyond what is included, is not known."""
    usd, parts = 0.0, list[str]()
    for resource in stack.resources:
        if resource.type == DROPLET:
            size = resource.text("size")
            if not isinstance(size, str):
                continue
            if size not in SIZES:
                yield resource.urn, f"The price of the size {size} is unknown: add it to droplet_sizes.py."
                continue
            usd += SIZES[size].usd_a_month
            parts.append(f"{SIZES[size].usd_a_month:.2f} for {resource.name} ({size})")
        elif resource.type == VOLUME:
            gigabytes = resource.number("size")
            if isinstance(gigabytes, int | float):
                usd += gigabytes * USD_PER_VOLUME_GB
                parts.append(f"{gigabytes * USD_PER_VOLUME_GB:.2f} for {resource.name} ({gigabytes:.0f} GB)")
    if any(resource.type == BUCKET for resource in stack.resources):
        usd += USD_FOR_SPACES
        parts.append(f"{USD_FOR_SPACES:.2f} for Spaces")
    limit = stack.terms.monthly_limit_usd
    if usd > limit:
        sum_ = f"{' + '.join(parts)} = {usd:.2f} USD a month"
        yield "", f"{sum_}, the limit is {limit:.2f}: take less, or raise auren:monthlyLimitUsd."


STACK_RULES = (StackRule("monthly-cost", "The stack costs no more than its monthly limit.", _monthly_cost),)
