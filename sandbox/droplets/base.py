"""The image that every droplet boots from: Debian with systemd, sshd and cloud-init, as a cloud's own image.

It is built in two steps. Each is repeated only when its recipe has changed: `mmdebstrap` makes the root file system
from Debian's packages (about a minute, kept in the cache), and `image/Dockerfile` makes a droplet of it. A droplet
boots this image, whatever image it requests. The parts that the program uses are the same in Ubuntu.

All its packages are of Debian trixie. Packages of Debian's next release can be installed too, because their version of
Docker is nearer to production's.
"""

import hashlib
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import docker
from docker.errors import APIError, BuildError, DockerException, ImageNotFound

from sandbox import layout
from sandbox.droplets.hypervisor import HypervisorError
from sandbox.droplets.run import run

REPOSITORY = f"{layout.NAME}/droplet"
ROOT_REPOSITORY = f"{layout.NAME}/droplet-root"
SUITE = "trixie"
NEXT_SUITE = "forky"
"""Debian's next release. Its packages are installed only by an explicit version."""
PREFER_SUITE = (
    f"printf 'Package: *\\nPin: release n={NEXT_SUITE}\\nPin-Priority: 100\\n' "
    f'>"$1/etc/apt/preferences.d/{NEXT_SUITE}"'
)
"""A shell command, for mmdebstrap: `$1` is the root file system in the making."""
DEFAULT_MIRROR = "http://deb.debian.org/debian"
DEFAULT_SECURITY = "http://deb.debian.org/debian-security"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
CONTEXT = Path(__file__).with_name("image")
BOOTSTRAP_SECONDS = 900

PACKAGES = (
    # the machine
    *("systemd", "systemd-sysv", "dbus", "udev", "libpam-systemd", "cloud-init", "openssh-server", "sudo"),
    *("cron", "logrotate", "rsyslog", "python3", "netbase", "tzdata", "kmod", "procps"),
    # its disks and its network
    *("e2fsprogs", "xfsprogs", "fdisk", "iproute2", "iputils-ping", "iptables", "nftables", "ufw"),
    # what a server's image has for its operator
    *("ca-certificates", "curl", "gnupg", "rsync", "less", "lsb-release", "vim-tiny"),
    "unattended-upgrades",
)

OPTIONS = (
    "--variant=minbase",
    '--aptopt=Apt::Install-Recommends "false"',
    # Documentation is a third of the size and is not used there.
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    f"--include={','.join(PACKAGES)}",
    # Before the first package is chosen.
    f'--setup-hook=mkdir -p "$1/etc/apt/preferences.d" && {PREFER_SUITE}',
)


def ensure_base_image(progress: Callable[[str], None]) -> str:
    """The image's tag, after making what is missing of it."""
    tag = image_tag()
    try:
        client = docker.from_env(timeout=BOOTSTRAP_SECONDS)
    except DockerException as error:
        raise HypervisorError(f"No Docker daemon answers: {error}") from error
    try:
        if _has(client, tag):
            return tag
        root_tag = f"{ROOT_REPOSITORY}:{_root_digest()}"
        if not _has(client, root_tag):
            archive = _root_archive(progress)
            progress("importing the droplets' root file system")
            client.api.import_image_from_file(str(archive), *root_tag.split(":"))
        progress("building the droplets' image")
        try:
            client.images.build(
                path=str(CONTEXT), tag=tag, buildargs={"ROOT": root_tag}, network_mode="none", rm=True, forcerm=True
            )
        except BuildError as error:
            log = "".join(str(line.get("stream", "")) for line in error.build_log)
            raise HypervisorError(f"The droplets' image cannot be built: {error}\n{log}") from error
        _forget_older(client, {tag, root_tag})
        return tag
    finally:
        client.close()


def image_tag() -> str:
    """The tag of this checkout's image, which may not be built yet."""
    digest = hashlib.sha256(_root_digest().encode())
    for path in sorted(path for path in CONTEXT.rglob("*") if path.is_file()):
        digest.update(f"\n{path.relative_to(CONTEXT)}\n".encode() + path.read_bytes())
    return f"{REPOSITORY}:{digest.hexdigest()[:16]}"


def remove_images() -> None:
    """Remove the droplets' images from the Docker daemon; the archive in the cache stays."""
    client = docker.from_env()
    try:
        _forget_older(client, set())
    finally:
        client.close()


def _root_digest() -> str:
    return hashlib.sha256("\n".join((SUITE, *OPTIONS)).encode()).hexdigest()[:16]


def _root_archive(progress: Callable[[str], None]) -> Path:
    archive = layout.CACHE / "droplet-root" / f"{_root_digest()}.tar"
    if archive.exists():
        return archive
    if not KEYRING.exists():
        raise HypervisorError(f"{KEYRING} is missing: install the package debian-archive-keyring.")
    archive.parent.mkdir(parents=True, exist_ok=True)
    for older in archive.parent.iterdir():
        older.unlink()
    mirror, security = _mirrors()
    progress(f"making the droplets' root file system from {mirror} (about a minute, once)")
    with tempfile.TemporaryDirectory(dir=archive.parent) as directory:
        unfinished = Path(directory, "root.tar")
        run(
            ["mmdebstrap", "--mode=root", *OPTIONS, f"--keyring={KEYRING}", SUITE, str(unfinished)]
            + [f"deb {mirror} {suite} main" for suite in (SUITE, f"{SUITE}-updates")]
            + [f"deb {security} {SUITE}-security main"]
            # A mirror may be days behind. Its packages are signed, so an old list is accepted.
            + [f"deb [check-valid-until=no] {mirror} {NEXT_SUITE} main"],
            timeout=BOOTSTRAP_SECONDS,
        )
        unfinished.replace(archive)
    return archive


def _mirrors() -> tuple[str, str]:
    """The Debian mirror that this machine's own apt uses, when it uses one, and the one for security updates."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout
    except OSError:
        answer = ""
    addresses = [line.rstrip("/") for line in answer.splitlines()]
    mirror = next((address for address in addresses if address.endswith("/debian")), DEFAULT_MIRROR)
    security = next((address for address in addresses if address.endswith("/debian-security")), DEFAULT_SECURITY)
    return mirror, security


def _has(client: docker.DockerClient, tag: str) -> bool:
    try:
        client.images.get(tag)
    except ImageNotFound:
        return False
    return True


def _forget_older(client: docker.DockerClient, current: set[str]) -> None:
    tags = [tag for name in (REPOSITORY, ROOT_REPOSITORY) for image in client.images.list(name) for tag in image.tags]
    for tag in tags:
        if tag not in current and tag.split(":")[0] in (REPOSITORY, ROOT_REPOSITORY):
            try:
                client.images.remove(tag)
            except APIError:  # a droplet still stands on it: it goes the next time
                continue
