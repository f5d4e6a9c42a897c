"""over_ssh.sh: which machine is dead and which is alive. Connections are real; `ssh` only notes its call."""

import contextlib
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from auren_infra.host.machine import script

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r\n-----END OPENSSH PRIVATE KEY-----\n"
REMOTE = 'set -eu\nmain() { echo "$1"; }\nmain "$@"; exit\n'
NEXT, KEPT = "its volume is detached as it is", "nothing was detached"
OF_MACOS = ("bash", "cat", "mktemp", "rm", "sed")
"""What the script may call. macOS has no `timeout`, and no `findmnt`."""


@dataclass
class Here:
    """The machine that runs pulumi, and the ports of a droplet."""

    root: Path
    ports: dict[str, int] = field(default_factory=dict[str, int])

    def run(
        self, *statuses: int, said: str = "", seconds: float = 60, key: str = KEY, host: str = "127.0.0.1"
    ) -> subprocess.CompletedProcess[str]:
        """Run it as the local command does: as an argument of bash, the key on standard input. `statuses` are ssh's."""
        (self.root / "state/statuses").write_text("".join(f"{status}\n" for status in statuses))
        (self.root / "state/said").write_text(said)
        environment = {
            "HOST": host,
            "PORT": str(self.ports["ssh"]),
            "WEB_PORT": str(self.ports["web"]),
            "KNOWN_HOSTS": "127.0.0.1 ssh-ed25519 AAAAC3",
            "COMMAND": "bash -s -- 'an argument'",
            "SCRIPT": REMOTE,
            "LOCAL_BOUND": "20",
            "NEXT": NEXT,
            "KEPT": KEPT,
        }
        return subprocess.run(
            ["bash", "-c", script("over_ssh")],
            check=False,
            input=key,
            capture_output=True,
            text=True,
            timeout=seconds,
            env={"PATH": str(self.root / "bin"), "TMPDIR": str(self.root / "a tmp"), **environment},
        )

    def calls(self) -> list[str]:
        path = self.root / "state/calls"
        return path.read_text().splitlines() if path.exists() else []

    def state(self, name: str) -> str:
        return (self.root / "state" / name).read_text()


@pytest.fixture
def here(tmp_path: Path) -> Here:
    for directory in ("bin", "state", "a tmp"):
        (tmp_path / directory).mkdir()
    for name in OF_MACOS:
        found = shutil.which(name)
        assert found
        (tmp_path / "bin" / name).symlink_to(found)
    # A second is a twentieth of one, and a pause between two tries takes no time.
    _program(tmp_path / "bin/sleep", f'[ "$1" = 5 ] || exec {shutil.which("sleep")} 0.05')
    _program(
        tmp_path / "bin/ssh",
        f"state='{tmp_path}/state' PATH=/usr/bin:/bin\n"
        'echo "$*" >>"$state/calls"\ncat >"$state/sent"\ncp key known_hosts "$state"\n'
        'ls -l key | cut -c1-10 >"$state/mode"\n'
        '[ ! -e "$state/hangs" ] || exec sleep 60\n'
        'cat "$state/said" >&2\nexit "$(sed -n "$(wc -l <"$state/calls")p" "$state/statuses")"',
    )
    return Here(tmp_path, {"ssh": _free_port(), "web": _free_port()})


def _program(path: Path, body: str) -> None:
    path.write_text(f"#!{shutil.which('bash')}\n{body}\n")
    path.chmod(0o755)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _listening(port: int) -> Iterator[None]:
    """Somebody takes each connection, and ends it."""
    with socket.create_server(("127.0.0.1", port)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    server.accept()[0].close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@contextlib.contextmanager
def _silent(port: int) -> Iterator[None]:
    """Packets to this port get no answer, as behind a firewall: the queue of the listening socket is full."""
    with contextlib.ExitStack() as opened:
        opened.enter_context(socket.create_server(("127.0.0.1", port), backlog=0))
        for _ in range(4):
            caller = opened.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(("127.0.0.1", port))
        with pytest.raises(TimeoutError):
            socket.create_connection(("127.0.0.1", port), 0.2)
        yield


@pytest.fixture
def alive(here: Here) -> Iterator[Here]:
    """Somebody takes connections on the port of SSH."""
    with _listening(here.ports["ssh"]):
        yield here


def test_a_key_that_the_stack_does_not_keep_is_the_agents(alive: Here) -> None:
    _program(alive.root / "bin/ssh-add", "")
    done = alive.run(0, key="")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (call,) = alive.calls()
    assert not [word for word in ("-i ", "IdentitiesOnly", "IdentityAgent") if word in call]


def test_without_the_agent_a_living_machine_is_not_taken_for_dead(alive: Here) -> None:
    _program(alive.root / "bin/ssh-add", "exit 2")
    done = alive.run(255, key="")
    assert done.returncode == 1
    assert f"no SSH agent here holds one: {KEPT}.\n" in done.stderr
    assert alive.calls() == []


def test_a_machine_that_is_alive_runs_the_script(alive: Here) -> None:
    done = alive.run(0)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (call,) = alive.calls()
    assert call.endswith(" root@127.0.0.1 bash -s -- 'an argument'")
    assert alive.state("sent") == REMOTE


def test_the_operators_own_configuration_does_not_count(alive: Here) -> None:
    alive.run(0)
    (call,) = alive.calls()
    assert call.startswith("-F /dev/null ")
    told = ("IdentityAgent=none", "IdentitiesOnly=yes", "BatchMode=yes", "GlobalKnownHostsFile=/dev/null")
    for option in (*told, "StrictHostKeyChecking=yes", "ControlPath=none", "ProxyCommand=none"):
        assert f" -o {option} " in call


def test_only_this_machine_is_trusted_and_only_its_key_is_used(alive: Here) -> None:
    alive.run(0)
    assert alive.state("known_hosts") == "127.0.0.1 ssh-ed25519 AAAAC3\n"
    assert alive.state("key") == KEY
    assert alive.state("mode") == "-rw-------\n"


@pytest.mark.parametrize("statuses", [(0,), (255, 255, 255, 255), (1,)])
def test_the_key_does_not_stay_on_the_disk(alive: Here, statuses: tuple[int, ...]) -> None:
    alive.run(*statuses)
    assert list((alive.root / "a tmp").iterdir()) == []


def test_nobody_there_is_dead_and_not_in_the_way(here: Here) -> None:
    """A connection to a droplet that is off ends after minutes, and nothing but this script ends it before."""
    with _silent(here.ports["ssh"]), _silent(here.ports["web"]):
        done = here.run()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"127.0.0.1 does not answer on any port. It is taken for dead: {NEXT}.\n"
    assert here.calls() == []


def test_a_machine_that_refuses_connections_is_alive(here: Here) -> None:
    """Its kernel answers: it boots, or both sshd and nginx are stopped."""
    done = here.run()
    assert (done.returncode, done.stdout) == (1, "")
    assert f"127.0.0.1 refuses connections on port {here.ports['ssh']}, so it is alive: {KEPT}." in done.stderr


def test_a_machine_that_refuses_on_the_websites_port_alone_is_alive(here: Here) -> None:
    with _silent(here.ports["ssh"]):
        done = here.run()
    assert (done.returncode, done.stdout) == (1, "")
    assert f"but answers on port {here.ports['web']}, so it is alive: {KEPT}." in done.stderr


def test_where_this_machine_has_no_network_nobody_is_taken_for_dead(here: Here) -> None:
    done = here.run(host="255.255.255.255")  # which no connection may go to
    assert (done.returncode, done.stdout) == (1, "")
    assert "255.255.255.255 cannot be reached from this machine (network unreachable, or not permitted)" in done.stderr
    assert f": {KEPT}." in done.stderr


def test_a_machine_whose_website_answers_is_alive(here: Here) -> None:
    """SSH is closed to this address."""
    with _silent(here.ports["ssh"]), _listening(here.ports["web"]):
        done = here.run()
    assert (done.returncode, done.stdout) == (1, "")
    assert f"but answers on port {here.ports['web']}, so it is alive: {KEPT}." in done.stderr
    assert "auren:sshAllowed" in done.stderr
    assert "switch the droplet off first" in done.stderr


def test_a_machine_that_lets_nobody_in_is_alive(alive: Here) -> None:
    """Another host key, a refused key, a connection that is closed: each is an answer."""
    done = alive.run(255, 255, 255, 255, said="Host key verification failed.\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"127.0.0.1 is alive, but SSH to it fails: {KEPT}.\n  Host key verification failed.\n" in done.stderr
    assert "switch the droplet off first" in done.stderr
    assert len(alive.calls()) == 4


def test_a_machine_that_lets_nobody_in_at_first_gets_more_tries(alive: Here) -> None:
    done = alive.run(255, 255, 0)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(alive.calls()) == 3


@pytest.mark.parametrize("status", [1, 32, 124, 127])
def test_a_machine_that_cannot_do_it_is_left_alone(alive: Here, status: int) -> None:
    """It is alive, so what it has not written yet would be lost."""
    done = alive.run(status, said="umount: /mnt/auren-data: target is busy.\n")
    assert done.returncode == 1
    said = f"127.0.0.1 answers, but could not be brought down cleanly (exit {status}): {KEPT}.\n  umount: /mnt"
    assert done.stderr.startswith(said)
    assert len(alive.calls()) == 1


def test_a_machine_that_never_comes_to_an_end_is_given_up(alive: Here) -> None:
    (alive.root / "state/hangs").touch()
    done = alive.run(seconds=45)  # less than ssh itself would take, and hold the output
    assert done.returncode == 1
    assert f"(exit 124): {KEPT}." in done.stderr


def test_a_machine_without_ssh_says_so_and_asks_nobody(here: Here) -> None:
    (here.root / "bin/ssh").unlink()
    done = here.run()
    assert done.returncode == 1
    assert done.stderr == (f"There is no ssh on PATH: {KEPT}. Install OpenSSH's client and run pulumi again.\n")
