"""A droplet boots, stays off, comes back and goes as a cloud server does."""

import time
from dataclasses import replace

import pytest

from sandbox import layout
from sandbox.droplets import DockerHypervisor
from sandbox.droplets.hypervisor import Hypervisor, HypervisorError, Power
from tests.sandbox.droplets.droplet import Boot, Droplet

pytestmark = pytest.mark.machine


@pytest.fixture(scope="module")
def droplet(boot: Boot) -> Droplet:
    return boot(1, write_files=[{"path": "/etc/motto", "content": "first light"}], runcmd=["date +%s%N >> /root/first"])


def test_it_is_a_cloud_server_with_what_its_user_data_says(hypervisor: Hypervisor, droplet: Droplet) -> None:
    # Reached with the host key pinned, so sshd offers the one from the user-data.
    assert hypervisor.power(droplet.id) is Power.ACTIVE
    assert droplet.run("systemctl is-system-running --wait") == "running"
    assert "status: done" in droplet.run("cloud-init status --wait")
    assert droplet.run("cat /etc/motto") == "first light"
    assert droplet.run("hostname") == droplet.spec.name
    assert droplet.run("ls /etc/ssh/ssh_host_*_key") == "/etc/ssh/ssh_host_ed25519_key"
    assert droplet.ssh("command -v docker").returncode != 0


def test_its_network_cards_are_where_a_droplet_has_them(droplet: Droplet) -> None:
    assert str(droplet.spec.public_ipv4) in droplet.run("ip -4 -brief address show eth0")
    assert str(droplet.spec.private_ipv4) in droplet.run("ip -4 -brief address show eth1")
    assert droplet.run("ip route show default") == f"default via {layout.GATEWAY} dev eth0"
    assert droplet.run(f"getent hosts {layout.REGISTRY_HOST}").split()[0] == str(layout.GATEWAY)


def test_it_takes_no_password_and_has_the_size_that_was_asked_for(droplet: Droplet) -> None:
    settings = droplet.run("sshd -T").splitlines()
    assert {"passwordauthentication no", "permitrootlogin without-password"} <= set(settings)
    limit = "cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes"
    assert int(droplet.run(limit)) == droplet.spec.memory_mb << 20
    assert 9 <= int(droplet.run("df --output=size -BG /var/lib/docker | tail -1").strip("G \n")) <= 10


def test_it_cannot_open_a_disk_of_the_machine_around(droplet: Droplet) -> None:
    droplet.run("mknod /root/disk b 254 0")
    assert "not permitted" in droplet.ssh("head -c 512 /root/disk").stderr
    droplet.run("rm /root/disk")


def test_creating_it_again_changes_nothing(hypervisor: Hypervisor, droplet: Droplet) -> None:
    before = droplet.boot_id()
    hypervisor.create_droplet(droplet.spec)
    assert droplet.boot_id() == before


def test_a_reboot_typed_inside_comes_back_as_the_same_instance(hypervisor: Hypervisor, droplet: Droplet) -> None:
    before = droplet.boot_id()
    droplet.ssh("reboot")
    _until(lambda: droplet.boot_id() not in ("", before))
    droplet.wait()
    assert droplet.run("systemctl is-system-running --wait") == "running"
    assert len(droplet.run("cat /root/first").splitlines()) == 1  # what runs once an instance did not run again


def test_a_poweroff_typed_inside_stays_off(hypervisor: Hypervisor, droplet: Droplet) -> None:
    droplet.ssh("poweroff")
    _until(lambda: hypervisor.power(droplet.id) is Power.OFF)
    time.sleep(2)
    assert hypervisor.power(droplet.id) is Power.OFF
    hypervisor.power_on(droplet.id)
    droplet.wait()


def test_power_is_cut_and_a_shutdown_is_clean(hypervisor: Hypervisor, droplet: Droplet) -> None:
    droplet.run(
        "printf '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStop=/bin/touch /root/clean\n"
        "[Install]\nWantedBy=multi-user.target\n' > /etc/systemd/system/witness.service"
        " && systemctl enable --now witness"
    )
    # Its own disk loses what was not synced, as its volumes do.
    droplet.run("echo kept > /var/lib/docker/synced && sync && echo lost > /var/lib/docker/late")
    hypervisor.power_off(droplet.id)
    assert hypervisor.power(droplet.id) is Power.OFF
    hypervisor.power_off(droplet.id)  # once more is no fault
    hypervisor.power_on(droplet.id)
    droplet.wait()
    assert droplet.ssh("test -e /root/clean").returncode != 0
    assert droplet.run("cd /var/lib/docker && cat synced && ! grep lost late 2>/dev/null") == "kept"
    assert hypervisor.shut_down(droplet.id)
    assert hypervisor.power(droplet.id) is Power.OFF
    hypervisor.power_on(droplet.id)
    droplet.wait()
    droplet.run("test -e /root/clean")


def test_reboot_returns_when_it_runs_again(hypervisor: Hypervisor, droplet: Droplet) -> None:
    before = droplet.boot_id()
    hypervisor.reboot(droplet.id)
    droplet.wait()
    assert droplet.boot_id() != before
    assert any("cloud-init" in line for line in hypervisor.droplet_logs(droplet.id))


def test_it_is_resized_when_it_is_off(hypervisor: DockerHypervisor, droplet: Droplet) -> None:
    larger = replace(droplet.spec, memory_mb=3072, vcpus=1, disk_gb=20)
    with pytest.raises(HypervisorError, match="not off"):
        hypervisor.resize_droplet(larger)
    droplet.run("echo kept > /var/lib/docker/kept && sync")
    hypervisor.power_off(droplet.id)
    hypervisor.resize_droplet(larger)
    hypervisor.power_on(droplet.id)
    droplet.wait()
    assert droplet.run("cat /var/lib/docker/kept") == "kept"
    assert 19 <= int(droplet.run("df --output=size -BG /var/lib/docker | tail -1").strip("G \n")) <= 20
    limit = "cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes"
    assert int(droplet.run(limit)) == 3072 << 20


def test_destroyed_it_is_gone_and_so_is_its_directory(hypervisor: DockerHypervisor, boot: Boot) -> None:
    droplet = boot(2)
    directory = layout.STATE / "droplets" / str(droplet.id)
    assert directory.exists()
    hypervisor.destroy_droplet(droplet.id)
    assert hypervisor.power(droplet.id) is Power.ABSENT
    assert not directory.exists()
    hypervisor.destroy_droplet(droplet.id)  # once more is no fault


def _until(condition, seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.3)
