"""The layer below every service image: a minimal Debian, made by mmdebstrap on this machine and kept as a tarball."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import docker
from docker.errors import ImageNotFound

from sandbox import layout
from sandbox.images.recipe import HERE, REPOSITORY, SUITE, ImageBuildError, digest_of

MIRROR = "http://deb.debian.org"
SOURCES = (
    f"deb {MIRROR}/debian {SUITE} main",
    f"deb {MIRROR}/debian {SUITE}-updates main",
    f"deb {MIRROR}/debian-security {SUITE}-security main",
)
"""Over http: packages are signed, and a machine whose HTTPS is inspected can build all the same."""

OPTIONS = (
    "--mode=root",
    "--variant=minbase",
    "--include=ca-certificates,tzdata",
    '--aptopt=APT::Install-Recommends "false"',
    '--aptopt=Acquire::Retries "3"',
    '--aptopt=Acquire::Languages "none"',
    '--aptopt=DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin"; }',
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    f"--customize-hook=upload '{HERE}/base/policy-rc.d' /usr/sbin/policy-rc.d",
    # Nothing in a service container changes its user by way of a setuid program.
    '--customize-hook=find "$1" -xdev -type f -perm /6000 -exec chmod a-s {} +',
)
CHANGES = ["ENV LANG=C.UTF-8 TZ=Etc/UTC DEBIAN_FRONTEND=noninteractive", 'CMD ["bash"]']
BOOTSTRAP_SECONDS = 900


def base_reference() -> str:
    words = [option.replace(str(HERE), "") for option in OPTIONS]
    return f"{REPOSITORY}/base:{digest_of(HERE / 'base', *SOURCES, *words, *CHANGES, os.uname().machine)}"


def ensure_base(client: docker.DockerClient, progress: Callable[[str], None]) -> None:
    """Give the daemon the base image, from the cached tarball if there is one."""
    reference = base_reference()
    try:
        client.images.get(reference)
        return
    except ImageNotFound:
        pass
    repository, _, tag = reference.rpartition(":")
    tarball = layout.CACHE / "images" / f"base-{tag}.tar"
    if not tarball.exists():
        progress(f"making a minimal Debian {SUITE} (about half a minute)")
        _bootstrap(tarball)
    progress("importing the minimal Debian")
    client.api.import_image_from_file(str(tarball), repository=repository, tag=tag, changes=CHANGES)
    client.images.get(reference)


def _bootstrap(tarball: Path) -> None:
    tarball.parent.mkdir(parents=True, exist_ok=True)
    # The name's end is how mmdebstrap knows the format; only a whole tarball gets the final name.
    unfinished = tarball.with_name(f"unfinished-{os.getpid()}-{tarball.name}")
    try:
        subprocess.run(
            ["mmdebstrap", *OPTIONS, SUITE, str(unfinished), *SOURCES],
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=BOOTSTRAP_SECONDS,
        )
        unfinished.replace(tarball)
    except FileNotFoundError:
        raise ImageBuildError("mmdebstrap is not installed: apt-get install mmdebstrap") from None
    except subprocess.TimeoutExpired:
        raise ImageBuildError(f"mmdebstrap did not end within {BOOTSTRAP_SECONDS} s: is {MIRROR} slow?") from None
    except subprocess.CalledProcessError as error:
        lines = "\n  ".join(error.stderr.splitlines()[-15:])
        raise ImageBuildError(
            f"mmdebstrap could not make Debian {SUITE} from {MIRROR} (its keys are in the package "
            f"debian-archive-keyring); it said:\n  {lines}"
        ) from None
    finally:
        unfinished.unlink(missing_ok=True)
