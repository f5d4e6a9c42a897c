"""The droplet sizes that AUREN may run on: what DigitalOcean's price list says of them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DropletSize:
    vcpus: int
    memory_mb: int
    disk_gb: int
    """The droplet's own disk; data is on volumes."""
    usd_a_month: int


SIZES = {
    "s-1vcpu-1gb": DropletSize(1, 1024, 25, 6),
    "s-1vcpu-2gb": DropletSize(1, 2048, 50, 12),
    "s-2vcpu-2gb": DropletSize(2, 2048, 60, 18),
    "s-2vcpu-4gb": DropletSize(2, 4096, 80, 24),
    "s-4vcpu-8gb": DropletSize(4, 8192, 160, 48),
    "g-2vcpu-8gb": DropletSize(2, 8192, 25, 63),
    "m-2vcpu-16gb": DropletSize(2, 16384, 50, 84),
    "s-8vcpu-16gb": DropletSize(8, 16384, 320, 96),
    "g-4vcpu-16gb": DropletSize(4, 16384, 50, 126),
    "m-4vcpu-32gb": DropletSize(4, 32768, 100, 168),
    "s-8vcpu-32gb-amd": DropletSize(8, 32768, 400, 168),
}
"""By price. The `s` sizes share their processors; they are the architecture page's line."""

SMALLEST = SIZES["s-2vcpu-4gb"]
"""What the catalogue's limits are written for."""
USD_PER_VOLUME_GB = 0.10
"""A month."""
USD_FOR_SPACES = 5.0
"""A month, for all buckets of an account with 250 GB in them together."""
