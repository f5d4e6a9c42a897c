"""Remote commands against a real sshd, without an engine: every way in and every way to fail."""

import asyncio
import contextlib
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_ssh_private_key,
)

from sandbox.plugins.command.connection import HostKey
from sandbox.plugins.command.remote import RemoteCommand
from sandbox.plugins.resource import Operation, RefusedError, Severity, State
from tests.sandbox.plugins.sshd import Sshd, make_key, running


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(autouse=True)
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


class Lines(list[tuple[Severity, str]]):
    """What was shown while a command ran."""

    async def log(self, severity: Severity, message: str) -> None:
        self.append((severity, message))

    def operation(self) -> Operation:
        return Operation("urn:pulumi:local::trial::command:remote:Command::c", 0, self.log)


def run(sshd: Sshd, create: str, connection: dict[str, Any] | None = None, **inputs: Any) -> State:
    given = {"connection": sshd.connection | (connection or {}), "create": create, **inputs}
    return asyncio.run(RemoteCommand().create(Lines().operation(), given))


def test_what_it_prints_is_kept_without_the_last_line_end(sshd: Sshd) -> None:
    state = run(sshd, "echo one; echo two; echo oops >&2")
    assert state.outputs["stdout"] == "one\ntwo"
    assert state.outputs["stderr"] == "oops"
    assert state.id.startswith("c")
    assert len(state.id) == len("c") + 8


def test_stdin_reaches_it_and_ends(sshd: Sshd) -> None:
    assert run(sshd, "cat", stdin="first\nsecond ü").outputs["stdout"] == "first\nsecond ü"
    assert run(sshd, "cat; echo ended").outputs["stdout"] == "ended"


def test_more_than_any_buffer_holds_passes_in_both_directions(sshd: Sshd) -> None:
    text = "0123456789abcdef" * 256 * 1024
    assert run(sshd, "cat", stdin=text).outputs["stdout"] == text


def test_a_command_need_not_read_its_stdin(sshd: Sshd) -> None:
    assert run(sshd, "echo done", stdin="x" * 5_000_000).outputs["stdout"] == "done"


def test_a_failure_tells_status_command_and_output(sshd: Sshd) -> None:
    with pytest.raises(RefusedError) as caught:
        run(sshd, 'echo "said"\nexit 3', logging="none")
    assert str(caught.value) == 'Process exited with status 3: running "echo \\"said\\"\\nexit 3":\nsaid\n'


def test_a_command_killed_by_a_signal_is_a_failure(sshd: Sshd) -> None:
    with pytest.raises(RefusedError, match="without exit status or exit signal"):
        run(sshd, "kill -9 $$")


@pytest.mark.parametrize(
    ("logging", "shown"),
    [("stdout", {"out"}), ("stderr", {"err"}), ("stdoutAndStderr", {"out", "err"}), ("none", set())],
)
def test_lines_are_shown_as_asked(sshd: Sshd, logging: str, shown: set[str]) -> None:
    lines = Lines()
    given = {"connection": sshd.connection, "create": "echo out; printf err >&2", "logging": logging}
    state = asyncio.run(RemoteCommand().create(lines.operation(), given))
    assert {line for _, line in lines} == shown
    assert (state.outputs["stdout"], state.outputs["stderr"]) == ("out", "err")


def test_a_line_is_shown_before_the_command_ends(sshd: Sshd) -> None:
    seen: list[float] = []

    async def log(_: Severity, __: str) -> None:
        seen.append(time.monotonic())

    given = {"connection": sshd.connection, "create": "echo first; sleep 1; echo last"}
    asyncio.run(RemoteCommand().create(Operation("urn::c", 0, log), given))
    assert seen[1] - seen[0] > 0.8


def test_another_host_key_is_refused_before_anything_is_sent(sshd: Sshd) -> None:
    with pytest.raises(RefusedError, match="after 0 failed attempts: ssh: handshake failed: ssh: host key mismatch"):
        run(sshd, "echo leaked", {"hostKey": sshd.text("stranger.pub")})


def test_any_host_key_is_accepted_when_none_is_given(sshd: Sshd) -> None:
    connection = sshd.connection
    del connection["hostKey"]
    state = asyncio.run(RemoteCommand().create(Lines().operation(), {"connection": connection, "create": "echo in"}))
    assert state.outputs["stdout"] == "in"


def test_a_key_that_is_not_let_in_is_told(sshd: Sshd) -> None:
    with pytest.raises(RefusedError, match=r"unable to authenticate, attempted methods \[none publickey\]"):
        run(sshd, "echo in", {"privateKey": sshd.text("stranger")})


@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ed25519"])
@pytest.mark.parametrize("form", [PrivateFormat.OpenSSH, PrivateFormat.PKCS8])
def test_every_form_of_private_key_is_read(sshd: Sshd, tmp_path: Path, kind: str, form: PrivateFormat) -> None:
    make_key(tmp_path / "key", kind)
    with (sshd.folder / "authorized").open("a") as authorized:
        authorized.write((tmp_path / "key.pub").read_text())
    key = load_ssh_private_key((tmp_path / "key").read_bytes(), None)
    text = key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()
    assert run(sshd, "echo in", {"privateKey": text}).outputs["stdout"] == "in"


def test_a_key_with_a_passphrase(sshd: Sshd, tmp_path: Path) -> None:
    make_key(tmp_path / "key", passphrase="sesame")
    with (sshd.folder / "authorized").open("a") as authorized:
        authorized.write((tmp_path / "key.pub").read_text())
    key = (tmp_path / "key").read_text()
    assert run(sshd, "echo in", {"privateKey": key, "privateKeyPassword": "sesame"}).outputs["stdout"] == "in"
    with pytest.raises(RefusedError, match="passphrase"):
        run(sshd, "echo in", {"privateKey": key})


def test_a_private_key_that_is_none_is_not_tried_again(sshd: Sshd) -> None:
    sshd.connections()
    with pytest.raises(RefusedError, match="ssh: no key found"):
        run(sshd, "echo in", {"privateKey": "nonsense", "dialErrorLimit": 10})
    assert sshd.connections() == 0


def test_the_agents_keys_are_offered(sshd: Sshd, tmp_path: Path) -> None:
    path = str(tmp_path / "agent")
    with subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL) as agent:
        try:
            while not Path(path).exists():
                time.sleep(0.02)
            environment = {"SSH_AUTH_SOCK": path}
            subprocess.run(["ssh-add", "-q", str(sshd.folder / "user")], env=environment, check=True)
            state = run(sshd, "echo in", {"privateKey": sshd.text("stranger"), "agentSocketPath": path})
            assert state.outputs["stdout"] == "in"
        finally:
            agent.terminate()


def test_an_agent_that_is_not_there_is_a_fault_even_beside_a_key(
    sshd: Sshd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "nothing"))
    with pytest.raises(RefusedError, match=r"dial unix .*nothing: connect: no such file"):
        run(sshd, "echo in")


def test_through_a_proxy(sshd: Sshd) -> None:
    sshd.connections()
    assert run(sshd, "echo in", {"proxy": sshd.connection}).outputs["stdout"] == "in"
    assert sshd.connections() == 2
    with pytest.raises(RefusedError, match="host key mismatch"):
        run(sshd, "echo in", {"proxy": sshd.connection | {"hostKey": sshd.text("stranger.pub")}})


def test_a_machine_that_is_not_up_yet_is_waited_for(sshd: Sshd) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    lines = Lines()
    connection = sshd.connection | {"port": port, "dialErrorLimit": 30}

    def open_later() -> None:
        time.sleep(1)
        target = ("127.0.0.1", sshd.port)
        with socket.create_server(("127.0.0.1", port)) as server:
            client, _ = server.accept()
            with client, socket.create_connection(target) as onward:
                _pipe(client, onward)

    relay = threading.Thread(target=open_later)
    relay.start()
    given = {"connection": connection, "create": "echo up"}
    state = asyncio.run(RemoteCommand().create(lines.operation(), given))
    relay.join(10)
    assert state.outputs["stdout"] == "up"
    assert (Severity.INFO, "Dial 1/30 failed: retrying") in lines


def _pipe(left: socket.socket, right: socket.socket) -> None:
    def copy(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(ConnectionError):  # either side may leave without a word
            while data := source.recv(65536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    other = threading.Thread(target=copy, args=(right, left))
    other.start()
    copy(left, right)
    other.join(10)


def test_a_machine_that_stays_away_is_given_up(sshd: Sshd) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        started = time.monotonic()
        with pytest.raises(RefusedError, match=rf"after 3 failed attempts: dial tcp 127.0.0.1:{port}: connect: conn"):
            run(sshd, "echo never", {"port": port, "dialErrorLimit": 3})
        assert 0.4 < time.monotonic() - started < 10


def test_a_machine_that_accepts_and_is_silent_is_given_up(sshd: Sshd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(RefusedError, match="after 0 failed attempts"):
            run(sshd, "echo never", {"port": silent.getsockname()[1], "perDialTimeout": 1})
        assert time.monotonic() - started < 14, "15 s is what it is without"


def test_an_environment_that_sshd_accepts_arrives_and_another_is_a_fault(sshd: Sshd) -> None:
    assert run(sshd, "echo $ACCEPTED", environment={"ACCEPTED": "here"}).outputs["stdout"] == "here"
    with pytest.raises(RefusedError, match='could not set environment variable "OTHER": ssh: setenv failed'):
        run(sshd, "echo ran anyway", environment={"OTHER": "x"})


def test_an_update_sees_what_was_printed_before_where_sshd_accepts_it(sshd: Sshd) -> None:
    command, lines = RemoteCommand(), Lines()
    given = {"connection": sshd.connection, "create": "echo was; echo err >&2", "update": "echo $PULUMI_COMMAND_STDOUT"}
    state = asyncio.run(command.create(lines.operation(), given))
    updated = asyncio.run(command.update(lines.operation(), state, given))
    assert updated.outputs["stdout"] == "was"
    assert updated.id == state.id
    assert any(severity == Severity.WARNING and "'PULUMI_COMMAND_STDERR'" in line for severity, line in lines)
    without = given | {"addPreviousOutputInEnv": False}
    assert asyncio.run(command.update(lines.operation(), state, without)).outputs["stdout"] == ""


def test_an_update_without_its_own_command_creates_again(sshd: Sshd) -> None:
    command, lines = RemoteCommand(), Lines()
    given = {"connection": sshd.connection, "create": "cat", "stdin": "one", "addPreviousOutputInEnv": False}
    state = asyncio.run(command.create(lines.operation(), given))
    assert asyncio.run(command.update(lines.operation(), state, given | {"stdin": "two"})).outputs["stdout"] == "two"


def test_nothing_to_do_opens_no_connection(sshd: Sshd) -> None:
    sshd.connections()
    command, lines = RemoteCommand(), Lines()
    state = asyncio.run(command.create(lines.operation(), {"connection": sshd.connection}))
    asyncio.run(command.delete(lines.operation(), state))
    assert state.outputs["stdout"] == ""
    assert sshd.connections() == 0


def test_a_cancelled_command_is_let_go(sshd: Sshd) -> None:
    async def cancel_soon() -> None:
        given = {"connection": sshd.connection, "create": "sleep 60"}
        task = asyncio.create_task(RemoteCommand().create(Lines().operation(), given))
        await asyncio.sleep(1)
        task.cancel()
        await task

    started = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel_soon())
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("text", ["", "nonsense", "ssh-ed25519", "ssh-ed25519 !!!", "ssh-ed25519 AAAAB3NzaC1yc2E="])
def test_a_host_key_that_is_none_is_found_before_anything_is_done(text: str) -> None:
    with pytest.raises(ValueError, match="ssh: "):
        HostKey.parse(text)
    faults = RemoteCommand().check({"connection": {"host": "h", "hostKey": text}})
    assert [fault.property for fault in faults] == ["connection.hostKey"]


def test_a_host_key_may_carry_options_and_a_comment(sshd: Sshd) -> None:
    key = sshd.text("host.pub").strip()
    assert HostKey.parse(f"no-pty {key} and more") == HostKey.parse(key)
