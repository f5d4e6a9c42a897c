"""An edited, a removed, an added file: what is said of each, and what mends it."""

import json

import pytest

from auren_infra import exported, stack
from auren_infra.blueprint import describe
from auren_infra.drift import compare
from auren_infra.files import paths
from auren_infra.host.expected import Directory, Expected, expected
from auren_infra.placement import place
from auren_infra.secrets import digest
from auren_infra.settings.deployed import Deployed
from tests.unit.configuration import settings
from tests.unit.drift.case import OTHER, Case
from tests.unit.drift.machine import KEY, NOW, SERVICES, Machine, directory_of, export
from tests.unit.rehearsal import NAME, Rehearsal, rehearse

NGINX = f"{directory_of(SERVICES['nginx'])}/files/nginx.conf"
REDIS = f"{directory_of(SERVICES['redis'])}/files/redis.conf"
SECRET = f"{directory_of(SERVICES['api'])}/secrets/redis_password"
OTHER_FILE = ("644", "0:0", "root:root", OTHER)


def _edit(machine: Machine) -> None:
    mode, ids, names, _ = machine.files[NGINX]
    machine.files[NGINX] = (mode, ids, names, OTHER)


def _chmod(machine: Machine) -> None:
    _mode(machine, SECRET, "644")


def _another_secret(machine: Machine) -> None:
    mode, ids, names, _ = machine.files[SECRET]
    machine.files[SECRET] = (mode, ids, names, OTHER)


def _no_program(machine: Machine) -> None:
    _mode(machine, "/usr/local/lib/auren/watchdog", "644")


def _written_by_all(machine: Machine) -> None:
    _mode(machine, "/etc/systemd/system/auren.service", "666")


def _mode(machine: Machine, path: str, mode: str) -> None:
    machine.files[path] = (mode, *machine.files[path][1:])


def _chown_data(machine: Machine) -> None:
    machine.files["/mnt/auren-data/postgres_data"] = ("700", "0:0", "root:root", "-")


CASES = {
    "an edited file": Case(
        _edit,
        NGINX,
        "has another content",
    ),
    "a link instead of a file": Case(
        lambda m: m.files.update({NGINX: ("777", "0:0", "root:root", "-")}),
        NGINX,
        "is no file, but a link or a directory",
    ),
    "a removed file": Case(
        lambda m: m.files.pop(REDIS),
        REDIS,
        "is gone",
    ),
    "an edited unit": Case(
        lambda m: m.files.update({"/etc/systemd/system/auren-watchdog.service": OTHER_FILE}),
        "/etc/systemd/system/auren-watchdog.service",
        "has another content",
    ),
    "a page that was edited": Case(
        lambda m: m.files.update({"/opt/auren/website/current/index.html": OTHER_FILE}),
        "/opt/auren/website/current/index.html",
        "has another content",
    ),
    "a page that was added": Case(
        lambda m: m.files.update({"/opt/auren/website/current/phish/a b.html": OTHER_FILE}),
        "/opt/auren/website/current/phish/a b.html",
        "was not deployed",
    ),
    "a link that was added to the pages": Case(
        lambda m: m.files.update({"/opt/auren/website/current/etc": ("777", "0:0", "root:root", "-")}),
        "/opt/auren/website/current/etc",
        "was not deployed",
    ),
    "a file that was added to a release": Case(
        lambda m: m.files.update({f"{directory_of(SERVICES['nginx'])}/files/more.conf": OTHER_FILE}),
        f"{directory_of(SERVICES['nginx'])}/files/more.conf",
        "was not deployed",
    ),
    "a secret that all can read": Case(
        _chmod,
        SECRET,
        "has the mode 0644, not 0400",
    ),
    "another secret": Case(
        _another_secret,
        SECRET,
        "has another content",
    ),
    "secrets that all can list": Case(
        lambda m: m.files.update({paths.SERVICES: ("755", "0:0", "root:root", "-")}),
        paths.SERVICES,
        "has the mode 0755, not 0700",
        f"install --directory --mode=0700 --owner=0 --group=0 {paths.SERVICES}",
    ),
    "secrets of a service that all can list": Case(
        lambda m: _mode(m, f"{paths.SERVICES}/postgres/secrets", "755"),
        f"{paths.SERVICES}/postgres/secrets",
        "has the mode 0755, not 0700",
        f"install --directory --mode=0700 --owner=0 --group=0 {paths.SERVICES}/postgres/secrets",
    ),
    "secrets of a release that all can list": Case(
        lambda m: _mode(m, f"{directory_of(SERVICES['postgres'])}/secrets", "755"),
        f"{directory_of(SERVICES['postgres'])}/secrets",
        "has the mode 0755, not 0500",
        f"install --directory --mode=0500 --owner=999 --group=999 {directory_of(SERVICES['postgres'])}/secrets",
    ),
    "a project that somebody else owns": Case(
        lambda m: m.files.update({paths.PROJECT: ("755", "1000:0", "eve:root", "-")}),
        paths.PROJECT,
        "belongs to 1000:0, not 0:0",
        f"install --directory --mode=0755 --owner=0 --group=0 {paths.PROJECT}",
    ),
    "keys of root that all can list": Case(
        lambda m: _mode(m, "/root/.ssh", "755"),
        "/root/.ssh",
        "has the mode 0755, not 0700",
        "install --directory --mode=0700 --owner=0 --group=0 /root/.ssh",
    ),
    "programs that all can replace": Case(
        lambda m: _mode(m, "/usr/local/lib/auren", "777"),
        "/usr/local/lib/auren",
        "has the mode 0777, not 0755",
        "install --directory --mode=0755 --owner=0 --group=0 /usr/local/lib/auren",
    ),
    "rules that all can replace": Case(
        lambda m: _mode(m, "/etc/auren", "1777"),
        "/etc/auren",
        "has the mode 1777, not 0755",
        "install --directory --mode=0755 --owner=0 --group=0 /etc/auren",
    ),
    "a store that all can read": Case(
        lambda m: _mode(m, "/mnt/auren-data/redis-data", "755"),
        "/mnt/auren-data/redis-data",
        "has the mode 0755, which lets everybody in",
        "chmod o-rwx /mnt/auren-data/redis-data",
    ),
    "a watchdog that cannot run": Case(
        _no_program,
        "/usr/local/lib/auren/watchdog",
        "has the mode 0644, not 0755",
    ),
    "a unit that all can write": Case(
        _written_by_all,
        "/etc/systemd/system/auren.service",
        "has the mode 0666, not 0644",
    ),
    "data of another user": Case(
        _chown_data,
        "/mnt/auren-data/postgres_data",
        "belongs to 0:0, not",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_one_change_is_one_line_with_its_mend(deployed: Expected, machine: Machine, case: Case) -> None:
    case.check(deployed, machine)


def test_everything_that_was_put_there_is_looked_at(deployed: Expected, machine: Machine) -> None:
    """The machine's files are listed from the services; the comparison knows of them from the state alone."""
    known = {one.path for one in deployed.files}
    known |= {one.path for tree in deployed.trees.values() for one in tree.files}
    known |= {one.path for one in deployed.directories}
    assert known == set(machine.files)
    assert all(one.digest for one in deployed.files if machine.files[one.path][3] != "-"), "but for directories"


def test_a_release_that_was_changed_by_hand_is_put_right_before_its_container_is_asked(
    deployed: Expected, machine: Machine
) -> None:
    """The container may have read the file while it was wrong."""
    _edit(machine)
    (found,) = compare.findings(deployed, machine.facts, KEY, NOW)
    assert [urn.rpartition("::auren-test-")[2] for urn in found.urns] == ["nginx-release", "nginx"]


def test_the_digest_of_a_secret_is_not_shown(deployed: Expected, machine: Machine) -> None:
    _another_secret(machine)
    (found,) = compare.findings(deployed, machine.facts, KEY, NOW)
    assert found.what == "has another content than was deployed"


def test_the_key_of_the_digests_is_not_one_that_was_replaced(update: Rehearsal) -> None:
    """A cut update leaves it in the state, to be deleted."""
    held = json.loads(export(update))
    (key,) = [each for each in held["deployment"]["resources"] if each["urn"].endswith("::digests")]
    earlier = {**key, "delete": True, "outputs": {"result": {"plaintext": '"another"'}}}
    held["deployment"]["resources"].insert(0, earlier)
    assert exported.digest_key(exported.parse(json.dumps(held))) == "PASSWORD-digests-PASSWORD"


def test_given_secrets_and_logins_are_looked_at_as_secrets() -> None:
    changes = {
        "secrets": '{"model_key": "hunter2", "token": "opensesame"}',
        "serviceSecrets": '["model_key=api"]',
        "registries": '["ghcr.io=auren:token"]',
    }
    chosen = settings(**changes)
    placement = place(describe(chosen))
    update = rehearse(lambda: stack.deploy(placement, Deployed()), preview=False)
    wanted = expected(exported.commands(exported.parse(export(update))))
    (logins,) = [one for one in wanted.files if one.path == paths.REGISTRY_LOGINS]
    (key,) = [one for one in wanted.files if one.path.endswith("/secrets/model_key")]
    assert key.path.startswith(f"{paths.SERVICES}/api/releases/")
    assert (key.digest, key.mode, key.secret) == (digest("PASSWORD-digests-PASSWORD", "hunter2"), 0o400, True)
    assert [urn.rpartition(f"::{NAME}-")[2] for urn in (key.urn, *key.also)] == [
        "secret.api.model_key",
        "api-release",
        "api",
    ]
    assert (logins.digest, logins.mode, logins.owner, logins.secret) == (None, 0o600, "root:root", True)
    assert Directory("/etc/auren/registries", 0o755) in wanted.directories
