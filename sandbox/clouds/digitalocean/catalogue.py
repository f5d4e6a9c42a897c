"""What DigitalOcean sells: regions, sizes with their prices, images. Slugs and numbers are the real ones (2025)."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request

from sandbox.clouds.digitalocean.errors import not_found
from sandbox.clouds.digitalocean.paging import paged

router = APIRouter()

_FEATURES = ["backups", "metadata", "install_agent", "storage", "image_transfer"]
"""Without `ipv6`, which real regions have: droplets on this machine have no IPv6 address to give."""


@dataclass(frozen=True)
class Region:
    slug: str
    name: str
    default_vpc: str
    """The range of the VPC that the account has in this region from the beginning."""
    reserved: str
    """A range that DigitalOcean reserves in this region: no VPC may use it."""
    sold_out: frozenset[str] = frozenset()
    """Sizes that it does not have: in the real cloud they differ from region to region, and from week to week."""


@dataclass(frozen=True)
class Size:
    slug: str
    memory: int
    vcpus: int
    disk: int
    transfer: float
    price_monthly: float
    price_hourly: float
    description: str


@dataclass(frozen=True)
class Image:
    id: int
    slug: str
    name: str
    distribution: str
    min_disk_size: int
    size_gigabytes: float
    created_at: str


REGIONS = {
    region.slug: region
    for region in (
        Region("nyc1", "New York 1", "10.116.0.0/20", "10.10.0.0/16"),
        Region("nyc3", "New York 3", "10.108.0.0/20", "10.17.0.0/16"),
        Region("ams3", "Amsterdam 3", "10.110.0.0/20", "10.18.0.0/16"),
        Region("sfo3", "San Francisco 3", "10.124.0.0/20", "10.48.0.0/16"),
        Region("sgp1", "Singapore 1", "10.104.0.0/20", "10.15.0.0/16"),
        Region("lon1", "London 1", "10.106.0.0/20", "10.16.0.0/16"),
        Region("fra1", "Frankfurt 1", "10.114.0.0/20", "10.19.0.0/16"),
        Region("tor1", "Toronto 1", "10.118.0.0/20", "10.20.0.0/16"),
        Region("blr1", "Bangalore 1", "10.122.0.0/20", "10.47.0.0/16", frozenset({"g-2vcpu-8gb", "m-2vcpu-16gb"})),
        Region("syd1", "Sydney 1", "10.126.0.0/20", "10.49.0.0/16"),
    )
}

SIZES = {
    size.slug: size
    for size in (
        Size("s-1vcpu-512mb-10gb", 512, 1, 10, 0.5, 4.0, 0.00595, "Basic"),
        Size("s-1vcpu-1gb", 1024, 1, 25, 1.0, 6.0, 0.00893, "Basic"),
        Size("s-1vcpu-2gb", 2048, 1, 50, 2.0, 12.0, 0.01786, "Basic"),
        Size("s-2vcpu-2gb", 2048, 2, 60, 3.0, 18.0, 0.02679, "Basic"),
        Size("s-2vcpu-4gb", 4096, 2, 80, 4.0, 24.0, 0.03571, "Basic"),
        Size("s-4vcpu-8gb", 8192, 4, 160, 5.0, 48.0, 0.07143, "Basic"),
        Size("s-8vcpu-16gb", 16384, 8, 320, 6.0, 96.0, 0.14286, "Basic"),
        Size("s-8vcpu-32gb-amd", 32768, 8, 400, 10.0, 168.0, 0.25, "Basic"),
        Size("c-2", 4096, 2, 25, 4.0, 42.0, 0.0625, "CPU-Optimized"),
        Size("g-2vcpu-8gb", 8192, 2, 25, 4.0, 63.0, 0.09375, "General Purpose"),
        Size("m-2vcpu-16gb", 16384, 2, 50, 4.0, 84.0, 0.125, "Memory-Optimized"),
        Size("m-4vcpu-32gb", 32768, 4, 100, 6.0, 168.0, 0.25, "Memory-Optimized"),
    )
}

IMAGES = {
    image.slug: image
    for image in (
        # Its number is not the real one.
        Image(230000001, "ubuntu-26-04-x64", "26.04 (LTS) x64", "Ubuntu", 7, 0.66, "2026-05-04T12:00:00Z"),
        Image(195932981, "ubuntu-25-04-x64", "25.04 x64", "Ubuntu", 7, 0.63, "2025-08-04T14:23:07Z"),
        Image(195929647, "ubuntu-24-04-x64", "24.04 (LTS) x64", "Ubuntu", 7, 0.64, "2025-08-04T13:20:17Z"),
        Image(198078190, "ubuntu-22-04-x64", "22.04 (LTS) x64", "Ubuntu", 7, 0.70, "2025-08-18T21:08:55Z"),
        Image(195931560, "debian-12-x64", "12 x64", "Debian", 7, 0.45, "2025-08-04T13:55:22Z"),
        Image(207079837, "debian-13-x64", "13 x64", "Debian", 7, 0.48, "2025-11-14T21:06:03Z"),
    )
}


def image_by(reference: str | int) -> Image | None:
    """The image with this slug or number (as a number, or as its digits)."""
    if isinstance(reference, str) and not reference.isdecimal():
        return IMAGES.get(reference)
    return next((image for image in IMAGES.values() if image.id == int(reference)), None)


def region_json(slug: str) -> dict[str, Any]:
    region = REGIONS[slug]
    return {
        "name": region.name,
        "slug": region.slug,
        "features": _FEATURES,
        "available": True,
        "sizes": [size for size in SIZES if size not in region.sold_out],
    }


def size_json(slug: str) -> dict[str, Any]:
    size = SIZES[slug]
    return {
        "slug": size.slug,
        "memory": size.memory,
        "vcpus": size.vcpus,
        "disk": size.disk,
        "transfer": size.transfer,
        "price_monthly": size.price_monthly,
        "price_hourly": size.price_hourly,
        "regions": sorted(region.slug for region in REGIONS.values() if slug not in region.sold_out),
        "available": True,
        "description": size.description,
        "networking_throughput": 2000,
        "disk_info": [{"type": "local", "size": {"amount": size.disk, "unit": "gib"}}],
    }


def image_json(image: Image) -> dict[str, Any]:
    return {
        "id": image.id,
        "name": image.name,
        "distribution": image.distribution,
        "slug": image.slug,
        "public": True,
        "regions": sorted(REGIONS),
        "created_at": image.created_at,
        "min_disk_size": image.min_disk_size,
        "type": "base",
        "size_gigabytes": image.size_gigabytes,
        "description": f"{image.distribution} {image.name}",
        "tags": [],
        "status": "available",
    }


@router.get("/regions")
def list_regions(request: Request) -> dict[str, Any]:
    return paged(request, "regions", list(REGIONS), region_json)


@router.get("/sizes")
def list_sizes(request: Request) -> dict[str, Any]:
    return paged(request, "sizes", list(SIZES), size_json)


@router.get("/images")
def list_images(request: Request, private: str = "", tag_name: str = "") -> dict[str, Any]:
    """The account has no images of its own. A request for those, or for applications, gets an empty list."""
    nothing = private == "true" or tag_name or request.query_params.get("type") == "application"
    return paged(request, "images", [] if nothing else list(IMAGES.values()), image_json)


@router.get("/images/{reference}")
def get_image(reference: str) -> dict[str, Any]:
    image = image_by(reference)
    if image is None:
        raise not_found()
    return {"image": image_json(image)}
