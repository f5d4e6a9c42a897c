"""A machine that docker_engine.sh runs on: package sources, what is installed, what runs. All of it is stand-ins."""

from auren_infra.files.render import docker_daemon
from auren_infra.settings import DockerSource, docker
from tests.unit.host.bench import Bench


def _offered(source: str, *packages: str) -> str:
    """What `apt-cache madison` prints of PACKAGE=VERSION from a source: URL, RELEASE/COMPONENT."""
    lines = (package.partition("=")[::2] for package in packages)
    return "".join(f" {name} | {version} | {source} amd64 Packages\n" for name, version in lines)


DOCKER_CE = _offered(
    "https://download.docker.com/linux/ubuntu jammy/stable",
    *(f"docker-ce=5:{version}~ubuntu.22.04~jammy" for version in ("29.8.20-1", "29.8.2-2", "29.8.2-1", "28.5.2-1")),
    *("docker-ce=5:24.0.9-1~ubuntu.22.04~jammy", "docker-ce=5:20.10.24~3-0~ubuntu-jammy"),
    *(f"docker-ce-cli=5:{version}~ubuntu.22.04~jammy" for version in ("29.8.20-1", "29.8.2-1", "28.5.2-1", "24.0.9-1")),
    *(f"containerd.io={version}~ubuntu.22.04~jammy" for version in ("2.3.7-1", "2.3.6-1", "1.7.29-1")),
    "containerd.io=1.6.33-1",
    *(f"docker-compose-plugin={version}-1~ubuntu.22.04~jammy" for version in ("5.7.0", "5.6.0", "2.40.3", "2.24.5")),
)
"""Newer packages than the pinned ones are there as well."""

_ARCHIVE = "http://archive.ubuntu.com/ubuntu"
UBUNTU = (
    _offered(
        f"{_ARCHIVE} jammy-updates/universe",
        "docker.io=27.5.1-0ubuntu3~22.04.2",
        "docker-compose-v2=2.33.0+ds1-0ubuntu1~22.04.1",
    )
    + _offered(f"{_ARCHIVE} jammy/universe", "docker.io=20.10.12-0ubuntu4", "docker-compose=1.29.2-1")
    + _offered(f"{_ARCHIVE} jammy-updates/main", "containerd=1.7.27-0ubuntu1~22.04.1", "runc=1.2.5-0ubuntu1~22.04.1")
)
_MIRROR = "http://deb.debian.org/debian"
TRIXIE = _offered(
    f"{_MIRROR} trixie/main",
    *("docker.io=26.1.5+dfsg1-9+b4", "docker-cli=26.1.5+dfsg1-9+b4", "runc=1.1.15+ds1-2+b4", "docker-compose=2.26.1-4"),
) + _offered(f"{_MIRROR}-security trixie-security/main", "containerd=1.7.24~ds1-6+deb13u1")
FORKY = _offered(
    f"{_MIRROR} forky/main",
    *("docker.io=28.5.2+dfsg4-5", "docker-cli=28.5.2+dfsg4-5", "containerd=2.1.9+ds1-5", "runc=1.3.6+ds1-1"),
    "docker-compose=2.40.3-3",
)
BOOKWORM = _offered(
    f"{_MIRROR} bookworm/main",
    *("docker.io=20.10.24+dfsg1-1", "containerd=1.6.20~ds1-1", "docker-compose=1.29.2-3"),
)

APT_GET = r"""
fail_with() {
    cat "$state/$1"
    exit 100
}
case "$*" in
*update)
    if [ -s "$state/locked" ]; then
        sed -i 1d "$state/locked"
        echo "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 812 (unattended-upgr)"
        exit 100
    fi
    [ ! -e "$state/unreachable" ] || fail_with unreachable ;;
*--fix-broken*) rm -f "$state/broken" ;;
*install*docker*)
    [ ! -e "$state/interrupted" ] || fail_with interrupted
    [ ! -e "$state/broken" ] || fail_with broken
    [ ! -e "$state/refused" ] || fail_with refused
    case "$*" in *--download-only*) exit 0 ;; esac
    for program in ufw iptables-restore logrotate unattended-upgrade; do install -m 0755 "$0" "${0%/*}/$program"; done
    for word in $*; do
        case "$word" in
        -* | *::*) ;;
        *=*)
            grep -v "^${word%%=*} " "$state/packages" >"$state/packages.new" || true
            echo "${word%%=*} ${word#*=}" >>"$state/packages.new"
            mv "$state/packages.new" "$state/packages" ;;
        esac
    done
    sed -nE 's/^docker(-ce|\.io) ([0-9]+:)?([0-9.]+).*/\3/p' "$state/packages" | tail -n 1 >"$state/running" ;;
esac
"""
"""Files of the state say what is locked, unreachable, interrupted, broken, refused, installed and running."""

APT_MARK = r"""
case "$1" in
hold) shift; printf '%s\n' "$@" >>"$state/held" ;;
showhold) cat "$state/held" ;;
esac
"""
DPKG = r"""
case "$*" in
*--configure*) rm -f "$state/interrupted" ;;
--print-architecture) echo amd64 ;;
esac
"""
DPKG_QUERY = r"""grep "^${@: -1} " "$state/packages" | sed 's/^[^ ]* /installed /'"""
SYSTEMCTL = r"""
case "$*" in
"cat auren") [ -e "$state/supervised" ] ;;
"start auren") if [ -e "$state/containers" ]; then cp "$state/containers" "$state/healthy"; fi ;;
esac
"""
BESIDE = ["iptables", "ufw", "logrotate", "unattended-upgrades"]

DOCKER = r"""
case "$*" in
"version --format {{.Server.Version}}") cat "$state/running" ;;
"version --format Docker Engine "*) echo "Docker Engine $(cat "$state/running")" ;;
"version") cat "$state/running" ;;
"compose version") [ -s "$state/running" ] && echo "Docker Compose version 5.6.0" ;;
"ps --filter"*Names*) [ ! -e "$state/silent" ] || exit 1; cat "$state/healthy" ;;
"ps --quiet"*) cat "$state/left-running" 2>/dev/null ;;
"inspect --format"*)
    ! grep -qx "${@: -1}" "$state/lost" || exit 1
    if grep -qx "${@: -1}" "$state/healthy"; then echo "running healthy"; else echo "running unhealthy"; fi ;;
"logs "*) echo "the last words of ${@: -1}" ;;
"start "* | "stop "*) ;;
*) exit 98 ;;
esac
"""


def prepared(bench: Bench) -> Bench:
    """Ubuntu 22.04 as it comes, without Docker; `offered` is what `apt-cache madison` knows."""
    bench.path("/etc/os-release").write_text("ID=ubuntu\nVERSION_CODENAME=jammy\n")
    bench.path("/etc/apt/sources.list.d").mkdir(parents=True)
    bench.stub("apt-get", APT_GET)
    bench.stub("apt-cache", '[ "$1" = madison ] && grep "^ $2 | " "$state/offered" || true')
    bench.stub("apt-mark", APT_MARK)
    bench.stub("dpkg", DPKG)
    bench.stub("dpkg-query", DPKG_QUERY)
    bench.stub("curl", '[ ! -e "$state/no-key" ] || exit 6; echo "the key" >"${@: -1}"')
    bench.stub("docker", DOCKER)
    bench.stub("dockerd", 'if grep -q wrong "${@: -1}"; then echo "unable to configure" >&2; exit 1; fi')
    bench.stub("systemctl", SYSTEMCTL)
    for name in ("packages", "held", "running", "lost", "healthy"):
        (bench.root / "state" / name).touch()
    return bench


def offer(machine: Bench, packages: str) -> None:
    machine.state("offered", packages)


def run(machine: Bench, version: str, source: DockerSource = DockerSource.DOCKER, data: str | None = None) -> str:
    """What it says, once it has ended well."""
    done = machine.run("docker_engine", source, *docker.packages(source, version), data=data or docker_daemon())
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def refused(machine: Bench, *arguments: str, data: str | None = None) -> str:
    """What it says on its standard error, once it has failed."""
    done = machine.run("docker_engine", *arguments, data=data or docker_daemon())
    assert done.returncode not in (0, 124)
    return done.stderr


def installed(machine: Bench) -> list[str]:
    """What the last `apt-get install` with Docker was asked for."""
    installs = [call for call in machine.calls("apt-get") if " install " in call and "docker" in call]
    installs = [call for call in installs if "--download-only" not in call]
    return installs[-1].split(" install ")[1].split() if installs else []


def arguments(version: str) -> tuple[str, ...]:
    return ("docker", *docker.packages(DockerSource.DOCKER, version))


def running(machine: Bench, *names: str) -> None:
    """Containers that run, and the unit that stops them."""
    machine.state("supervised", "yes")
    for name in ("containers", "healthy"):
        (machine.root / "state" / name).write_text("".join(f"{each}\n" for each in names))
