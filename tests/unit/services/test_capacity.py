"""What fits a droplet, and which droplet so many users need."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auren_infra.droplet_sizes import SIZES, SMALLEST
from auren_infra.services import backup_cost, capacity
from auren_infra.services.backup_cost import Retention
from auren_infra.services.capacity import GROWTH, SYSTEM_MB, Resource, plan, recommend, table, utilization
from auren_infra.settings import Settings, SettingsError
from tests.unit.configuration import ROOT, blueprint, settings

COMPLETE = settings()
USERS = st.integers(min_value=1, max_value=1_000_000)


def _for(users: int) -> Settings:
    return COMPLETE.model_copy(update={"users": users})


def _refusal(**changes: str) -> str:
    with pytest.raises(SettingsError) as refusal:
        plan(settings(**changes))
    return str(refusal.value)


def test_the_growth_table_is_the_architectures() -> None:
    assert {
        users: need and (f"{need.cpu}%", f"{need.memory}%", f"{need.storage_gb}GB") for users, need in GROWTH.items()
    } == {100: ("60%", "70%", "40GB"), 1_000: ("80%", "85%", "80GB"), 10_000: None}
    assert SMALLEST is SIZES["s-2vcpu-4gb"], "its percents are of this droplet"


@pytest.mark.parametrize("size", [name for name, size in SIZES.items() if size.memory_mb >= 4096])
def test_the_services_fit_every_droplet_of_4_gb_and_more(size: str) -> None:
    chosen = plan(settings(dropletSize=size))
    assert chosen.size == size
    assert chosen.memory.droplet_mb == SIZES[size].memory_mb
    assert chosen.memory.limits_mb == sum(service.limits.memory_mb for service in blueprint(dropletSize=size).services)
    assert chosen.memory.left_mb == chosen.memory.droplet_mb - chosen.memory.limits_mb - SYSTEM_MB >= 0


@pytest.mark.parametrize("size", [name for name, size in SIZES.items() if size.memory_mb < 4096])
def test_a_smaller_droplet_is_refused(size: str) -> None:
    assert f"auren:dropletSize: the services do not fit {size}\n" in _refusal(dropletSize=size)


def test_a_refusal_has_the_arithmetic_and_the_mend() -> None:
    said = _refusal(dropletSize="s-2vcpu-2gb")
    assert said.startswith("The configuration has 1 fault; nothing was touched.\n  auren:dropletSize: ")
    rows = [line.strip().rsplit(maxsplit=1) for line in said.splitlines() if line.startswith("      ")]
    numbers = {what.strip(): int(megabytes) for what, megabytes in rows}
    services = blueprint(dropletSize="s-2vcpu-2gb").services
    assert {name: numbers[name] for name in (service.name for service in services)} == {
        service.name: service.limits.memory_mb for service in services
    }
    assert numbers["needed"] == sum(service.limits.memory_mb for service in services) + numbers["the system"]
    assert (numbers["the system"], numbers["the droplet has"]) == (SYSTEM_MB, 2048)
    assert numbers["lacking"] == numbers["needed"] - numbers["the droplet has"]
    assert "they fit is s-2vcpu-4gb: `pulumi config set auren:dropletSize s-2vcpu-4gb`.\n" in said


def test_a_service_may_not_have_more_cpus_than_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker refuses to start it, minutes after the preview said that all was well."""
    for slug, size in SIZES.items():
        monkeypatch.setitem(SIZES, slug, type(size)(size.vcpus, 65536, size.disk_gb, size.usd_a_month))
    monkeypatch.setitem(SIZES, "s-1vcpu-1gb", type(SMALLEST)(0, 65536, 25, 6))
    said = _refusal(dropletSize="s-1vcpu-1gb")
    assert "    nginx may use 1 CPUs, the droplet has 0: Docker would not start it\n" in said
    assert "in MB" not in said
    assert "auren:dropletSize s-1vcpu-2gb" in said


def test_services_that_fit_no_droplet_are_refused_without_a_size_to_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "SYSTEM_MB", 10**6)
    assert "They fit no size that AUREN knows: lower their limits" in _refusal()


@pytest.mark.parametrize(
    ("users", "size", "volume", "usd"),
    [
        (1, "s-2vcpu-4gb", 40, 28.0),
        (100, "s-2vcpu-4gb", 40, 28.0),
        (101, "s-4vcpu-8gb", 80, 56.0),
        (1_000, "s-4vcpu-8gb", 80, 56.0),
    ],
)
def test_the_cheapest_droplet_with_room_is_recommended(users: int, size: str, volume: int, usd: float) -> None:
    """The page's own path: 2 processors and 4 GB, then 4 and 8 GB. Between its rows, the next higher one counts."""
    best = recommend(_for(users))
    assert best is not None
    assert (best.size, best.volume_gb, best.usd_a_month) == (size, volume, usd)
    assert best.bottleneck is Resource.MEMORY, "the page's first constraint"


@pytest.mark.parametrize("users", [1_001, 10_000, 10_001, 1_000_000])
def test_beyond_the_pages_table_auren_is_spread(users: int) -> None:
    chosen = plan(_for(users))
    assert (chosen.recommended, chosen.fits) == (None, False)
    assert chosen.warning == (
        f"{users:,} users (auren:users) need more than one droplet: move PostgreSQL to a managed database, "
        "Redis to a managed Valkey, files to Spaces, then the services to Docker Swarm or Kubernetes."
    )


def test_a_droplet_that_is_too_small_for_its_users_is_a_warning_with_a_size() -> None:
    chosen = plan(settings(users="500"))
    assert not chosen.fits
    assert chosen.warning == (
        "s-2vcpu-4gb is too small for 500 users (auren:users): they would use 85 % of its memory on average, "
        "80 % leaves room; `pulumi config set auren:dropletSize s-4vcpu-8gb`."
    )


def test_a_droplet_with_room_is_no_warning() -> None:
    assert (plan(COMPLETE).fits, plan(COMPLETE).warning) == (True, "")
    larger = plan(settings(users="1000", dropletSize="m-4vcpu-32gb"))
    assert (larger.fits, larger.warning) == (True, ""), "nobody is told to take a smaller one"
    assert larger.recommended is not None
    assert larger.recommended.size == "s-4vcpu-8gb"


@pytest.mark.parametrize(
    ("size", "used"),
    [
        ("s-2vcpu-4gb", {Resource.MEMORY: 85, Resource.CPU: 80}),
        ("s-4vcpu-8gb", {Resource.MEMORY: 43, Resource.CPU: 40}),
        ("m-2vcpu-16gb", {Resource.MEMORY: 22, Resource.CPU: 80}),
        ("s-1vcpu-2gb", {Resource.MEMORY: 170, Resource.CPU: 160}),
    ],
)
def test_what_users_take_is_a_share_of_the_droplet(size: str, used: dict[Resource, int]) -> None:
    need = GROWTH[1_000]
    assert need is not None
    assert utilization(need, SIZES[size]) == used


@given(USERS, USERS)
def test_more_users_never_get_a_cheaper_droplet(one: int, other: int) -> None:
    fewer, more = (recommend(_for(users)) for users in sorted((one, other)))
    if more is not None:
        assert fewer is not None, "who fits one droplet with more users fits it with fewer"
        assert fewer.usd_a_month <= more.usd_a_month
        assert fewer.volume_gb <= more.volume_gb


@given(USERS, st.sampled_from([name for name, size in SIZES.items() if size.memory_mb >= 4096]))
def test_a_plan_never_contradicts_itself(users: int, size: str) -> None:
    chosen = plan(COMPLETE.model_copy(update={"users": users, "droplet_size": size}))
    assert bool(chosen.warning) is not chosen.fits
    if chosen.recommended is not None:
        taken = plan(COMPLETE.model_copy(update={"users": users, "droplet_size": chosen.recommended.size}))
        assert taken.fits, "who follows the advice is not advised again"
        if chosen.fits:
            assert SIZES[chosen.recommended.size].usd_a_month <= SIZES[size].usd_a_month
    else:
        assert not chosen.fits


def test_the_command_prints_the_table_of_the_documentation() -> None:
    """When this fails: put what `python -m auren_infra.services.capacity` prints into docs/capacity.md."""
    printed = subprocess.run(
        [sys.executable, "-m", "auren_infra.services.capacity"],
        cwd=ROOT, check=True, capture_output=True, text=True, timeout=60,
    ).stdout  # fmt: skip
    assert printed == f"{table()}\n{backup_cost.table(Retention(30, 8, 12))}"
    assert f"```\n{printed}```\n" in (ROOT / "docs/capacity.md").read_text()
