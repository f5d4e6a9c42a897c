"""Block volumes: what is written stays, wherever it is attached, and only there can it be reached."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox import layout
from sandbox.droplets import DockerHypervisor, loop, volumes
from sandbox.droplets.hypervisor import HypervisorError, VolumeSpec
from tests.sandbox.droplets.droplet import Boot, Droplet

pytestmark = pytest.mark.machine


def link(name: str) -> str:
    return f"/dev/disk/by-id/scsi-0DO_Volume_{name}"


@pytest.fixture(scope="module")
def droplet(boot: Boot) -> Droplet:
    return boot(31)


@pytest.fixture(scope="module")
def other(boot: Boot) -> Droplet:
    return boot(32)


@contextmanager
def volume(hypervisor: DockerHypervisor, name: str, filesystem_type: str = "ext4") -> Iterator[str]:
    volume_id = f"asbx-test-{name}"
    hypervisor.create_volume(VolumeSpec(volume_id, name, 1, filesystem_type, "data"))
    try:
        yield volume_id
    finally:
        owner = volumes.get(volume_id).droplet
        if owner is not None:
            hypervisor.detach_volume(volume_id, owner)
        hypervisor.delete_volume(volume_id)
        assert not list((layout.STATE / "volumes").glob(f"{volume_id}*"))


@pytest.mark.parametrize("filesystem_type", ["ext4", "xfs"])
def test_attached_to_one_and_then_to_another_it_keeps_its_data(
    hypervisor: DockerHypervisor, droplet: Droplet, other: Droplet, filesystem_type: str
) -> None:
    name = f"moves-{filesystem_type}"
    with volume(hypervisor, name, filesystem_type) as volume_id:
        hypervisor.attach_volume(volume_id, droplet.id)
        hypervisor.attach_volume(volume_id, droplet.id)  # once more is no fault
        assert droplet.run(f"blkid -o value -s TYPE {link(name)}") == filesystem_type
        assert droplet.run(f"blkid -o value -s LABEL {link(name)}") == "data"
        assert other.ssh(f"test -e {link(name)}").returncode != 0
        droplet.run(f"mkdir -p /mnt/a && mount {link(name)} /mnt/a && echo kept > /mnt/a/row && umount /mnt/a")
        with pytest.raises(HypervisorError, match="attached to droplet"):
            hypervisor.attach_volume(volume_id, other.id)
        hypervisor.detach_volume(volume_id, droplet.id)
        hypervisor.detach_volume(volume_id, droplet.id)  # once more is no fault
        assert droplet.ssh(f"test -e {link(name)} -o -L {link(name)}").returncode != 0
        hypervisor.attach_volume(volume_id, other.id)
        assert other.run(f"mkdir -p /mnt/a && mount {link(name)} /mnt/a && cat /mnt/a/row && umount /mnt/a") == "kept"


def test_detached_while_in_use_it_is_out_of_reach_at_once(
    hypervisor: DockerHypervisor, droplet: Droplet, other: Droplet
) -> None:
    with volume(hypervisor, "busy") as volume_id:
        hypervisor.attach_volume(volume_id, droplet.id)
        device = droplet.run(f"readlink -f {link('busy')}")
        droplet.run(f"mkdir -p /mnt/b && mount {link('busy')} /mnt/b && echo kept > /mnt/b/row")
        # A process with a file open there, one with the device itself, and one in a namespace of its own.
        droplet.run(
            "systemd-run --quiet --unit writer bash -c 'exec 3>>/mnt/b/log; while :; do echo x >&3; sleep .1; done'"
        )
        droplet.run(f"systemd-run --quiet --unit raw bash -c 'exec 4<>{device}; sleep 1000'")
        droplet.run("systemd-run --quiet --unit apart -p PrivateMounts=yes bash -c 'cd /mnt/b; sleep 1000'")
        droplet.run(f"mknod /root/stale b 7 {device.removeprefix('/dev/loop')}")
        raw = droplet.run("systemctl show -p MainPID --value raw")
        hypervisor.detach_volume(volume_id, droplet.id)
        assert droplet.ssh("mountpoint -q /mnt/b").returncode != 0
        hypervisor.attach_volume(volume_id, other.id)
        other.run(f"mkdir -p /mnt/b && mount {link('busy')} /mnt/b")
        assert other.run("cat /mnt/b/row") == "kept"
        before = other.run("wc -c < /mnt/b/log")
        for target in (f"/proc/{raw}/fd/4", device, "/root/stale"):
            droplet.ssh(f"head -c 65536 /dev/zero | dd of={target} bs=4096 seek=8 conv=notrunc,nocreat,fsync")
        assert other.run("sleep 1; wc -c < /mnt/b/log") == before
        other.run("umount /mnt/b")
        other.run(f"e2fsck -fn {link('busy')}")
        hypervisor.detach_volume(volume_id, other.id)
        droplet.run("systemctl stop writer raw apart; rm /root/stale")


def test_it_is_there_again_after_a_reboot_before_what_needs_it(hypervisor: DockerHypervisor, droplet: Droplet) -> None:
    with volume(hypervisor, "boots") as volume_id:
        hypervisor.attach_volume(volume_id, droplet.id)
        droplet.run(
            f"mkdir -p /mnt/c && echo '{link('boots')} /mnt/c ext4 defaults,nofail,discard,noatime 0 2' >> /etc/fstab"
            " && systemctl daemon-reload && mount /mnt/c && echo kept > /mnt/c/row"
        )
        droplet.run(
            "printf '[Unit]\nRequiresMountsFor=/mnt/c\n"
            "[Service]\nType=oneshot\nExecStart=/bin/cp /mnt/c/row /root/seen\n"
            "[Install]\nWantedBy=multi-user.target\n' > /etc/systemd/system/reader.service && systemctl enable reader"
        )
        hypervisor.reboot(droplet.id)
        droplet.wait()
        assert droplet.run("systemctl is-system-running --wait") == "running"
        assert droplet.run("cat /root/seen; findmnt -n -o TARGET /mnt/c") == "kept\n/mnt/c"
        droplet.run(
            "umount /mnt/c && sed -i '/mnt.c/d' /etc/fstab && systemctl disable reader && systemctl daemon-reload"
        )


def test_a_power_cut_loses_what_was_not_synced_and_keeps_the_rest(
    hypervisor: DockerHypervisor, droplet: Droplet
) -> None:
    with volume(hypervisor, "cut") as volume_id:
        hypervisor.attach_volume(volume_id, droplet.id)
        droplet.run(
            f"mkdir -p /mnt/d && mount {link('cut')} /mnt/d && echo kept > /mnt/d/row && sync"
            " && echo lost > /mnt/d/late"
        )
        hypervisor.power_off(droplet.id)
        assert loop.devices_below(layout.STATE / "volumes") == {}
        hypervisor.power_on(droplet.id)
        droplet.wait()
        droplet.run(f"mount {link('cut')} /mnt/d")
        assert droplet.run("cat /mnt/d/row; cat /mnt/d/late 2>/dev/null || true") == "kept"
        droplet.run("umount /mnt/d")


def test_it_grows_while_it_is_used_and_never_shrinks(hypervisor: DockerHypervisor, droplet: Droplet) -> None:
    with volume(hypervisor, "grows") as volume_id:
        hypervisor.attach_volume(volume_id, droplet.id)
        droplet.run(f"mkdir -p /mnt/e && mount {link('grows')} /mnt/e")
        hypervisor.resize_volume(volume_id, 3)
        assert int(droplet.run(f"blockdev --getsize64 {link('grows')}")) == 3 << 30
        # Unmounted for it: mounted, ext4 grows only where root has all of its capabilities.
        droplet.run(f"umount /mnt/e && e2fsck -pf {link('grows')} && resize2fs {link('grows')}")
        droplet.run(f"mount {link('grows')} /mnt/e")
        assert int(droplet.run("df --output=size -BM /mnt/e | tail -1").strip("M \n")) > 2800
        with pytest.raises(HypervisorError, match="only grows"):
            hypervisor.resize_volume(volume_id, 2)
        droplet.run("umount /mnt/e")


def test_a_blank_one_is_blank_and_an_attached_one_is_not_deleted(
    hypervisor: DockerHypervisor, droplet: Droplet
) -> None:
    with volume(hypervisor, "blank", "") as volume_id:
        hypervisor.attach_volume(volume_id, droplet.id)
        assert droplet.ssh(f"blkid {link('blank')}").returncode == 2
        with pytest.raises(HypervisorError, match="detach it first"):
            hypervisor.delete_volume(volume_id)


def test_attached_to_one_that_is_off_it_is_there_when_it_is_on(hypervisor: DockerHypervisor, droplet: Droplet) -> None:
    with volume(hypervisor, "waits") as volume_id:
        hypervisor.shut_down(droplet.id)
        hypervisor.attach_volume(volume_id, droplet.id)
        hypervisor.power_on(droplet.id)
        droplet.wait()
        droplet.run(f"test -b {link('waits')}")


def test_a_droplet_that_is_destroyed_leaves_its_volume(
    hypervisor: DockerHypervisor, boot: Boot, other: Droplet
) -> None:
    with volume(hypervisor, "stays") as volume_id:
        doomed = boot(33)
        hypervisor.attach_volume(volume_id, doomed.id)
        doomed.run(f"mkdir -p /mnt/f && mount {link('stays')} /mnt/f && echo kept > /mnt/f/row && sync")
        hypervisor.destroy_droplet(doomed.id)
        hypervisor.attach_volume(volume_id, other.id)
        assert (
            other.run(f"mkdir -p /mnt/f && mount {link('stays')} /mnt/f && cat /mnt/f/row && umount /mnt/f") == "kept"
        )


def test_a_device_is_known_by_its_file_and_not_by_its_path(hypervisor: DockerHypervisor) -> None:
    """A sandbox in a container of its own, with the same paths, once took away the disks of this one's droplets."""
    folder = layout.STATE / "volumes"
    folder.mkdir(exist_ok=True)
    file = folder / "twin.img"
    file.write_bytes(bytes(1 << 20))
    number = loop.attach(file)
    try:
        assert loop.is_attached(number, file)
        assert loop.devices_below(folder) == {number: file}
        file.rename(layout.STATE / "other.img")
        file.write_bytes(bytes(1 << 20))
        assert not loop.is_attached(number, file)
        (layout.STATE / "other.img").rename(file)
        assert loop.is_attached(number, file)
        with Path(f"/dev/loop{number}").open("rb"):  # somebody has it open, so that it stays for a while
            loop.sever(number)
            assert not loop.is_attached(number, file)
            assert loop.devices_below(folder) == {}
    finally:
        file.unlink()
