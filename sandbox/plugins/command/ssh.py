"""One SSH connection and the command that runs over it, with paramiko. Everything here blocks: it runs in a thread.

It behaves as Go's client in the official plugin does: any failed attempt is repeated, a wrong host key and a refused
login included, since a machine that is being installed may show both for a moment.
"""

import os
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import paramiko
from paramiko.common import cMSG_CHANNEL_REQUEST

from sandbox.plugins.command.authentication import Login, login_of
from sandbox.plugins.command.connection import KEY_ALGORITHMS, Endpoint
from sandbox.plugins.command.output import Stream
from sandbox.plugins.values import Values

FIRST_DELAY, GROWTH, LONGEST_DELAY = 0.1, 1.5, 5.0
"""Seconds between attempts: ten take 11 s, thirty 111 s."""
KEEPALIVE = 15
"""Seconds between TCP's own questions to a silent machine, as Go's client asks them; nine unanswered end it."""
CHUNK = 65536

Say = Callable[[str], None]


class ConnectionFailedError(Exception):
    """The machine was not reached, or the connection ended early."""


class SetenvRefusedError(Exception):
    """The machine's sshd does not accept this environment variable."""

    def __init__(self, name: str) -> None:
        super().__init__(f'could not set environment variable "{name}": ssh: setenv failed')
        self.name = name


@dataclass(frozen=True)
class Session:
    """A channel with its environment set, ready for one command."""

    channel: paramiko.Channel
    cancelled: threading.Event

    def run(self, command: str, stdin: bytes, printed: Callable[[Stream, bytes], None]) -> str | None:
        """Run the command to its end; returns None, or how it failed, in Go's words."""
        try:
            self.channel.exec_command(command)
        except paramiko.SSHException as fault:
            raise ConnectionFailedError(f"ssh: command {command} failed: {fault}") from fault
        arrived: queue.SimpleQueue[tuple[Stream, bytes]] = queue.SimpleQueue()
        self._thread(self._send, stdin)
        self._thread(self._receive, "stdout", self.channel.recv, arrived)
        self._thread(self._receive, "stderr", self.channel.recv_stderr, arrived)
        still_open = 2
        while still_open and not self.cancelled.is_set():
            try:
                stream, data = arrived.get(timeout=1)
            except queue.Empty:
                continue
            if data:
                printed(stream, data)
            else:
                still_open -= 1
        if self.cancelled.is_set():
            return "the operation was cancelled"
        status = self.channel.recv_exit_status()
        if status == -1:
            return "wait: remote command exited without exit status or exit signal"
        return f"Process exited with status {status}" if status else None

    def _thread(self, target: Callable[..., None], *arguments: Any) -> None:
        threading.Thread(target=target, args=arguments, daemon=True).start()

    def _send(self, stdin: bytes) -> None:
        try:
            self.channel.sendall(stdin)
            self.channel.shutdown_write()
        except OSError:
            pass  # the command ended without reading it all; how it ended is what counts

    def _receive(self, stream: Stream, read: Callable[[int], bytes], arrived: queue.SimpleQueue[Any]) -> None:
        data = b"more"
        while data:
            try:
                data = read(CHUNK)
            except OSError:
                data = b""
            arrived.put((stream, data))


@dataclass(frozen=True)
class Machine:
    """An authenticated connection."""

    transport: paramiko.Transport
    cancelled: threading.Event

    def session(self, environment: dict[str, str], optional: set[str]) -> tuple[Session, list[str]]:
        """A session with these variables, and the names of the optional ones that the machine did not accept.

        Raises `SetenvRefusedError` for any other. A refusal ends paramiko's channel, so it begins again without.
        """
        refused: list[str] = []
        while True:
            wanted = {name: value for name, value in environment.items() if name not in refused}
            try:
                channel = self.transport.open_session()
            except (paramiko.SSHException, EOFError) as fault:
                raise ConnectionFailedError(f"ssh: no session: {fault}") from fault
            name = next((name for name, value in wanted.items() if not _set(channel, name, value)), None)
            if name is None:
                return Session(channel, self.cancelled), refused
            if name not in optional:
                raise SetenvRefusedError(name)
            refused.append(name)


def _set(channel: paramiko.Channel, name: str, value: str) -> bool:
    """`Channel.set_environment_variable` asks for no answer: a refused variable would be missing without a word."""
    request = paramiko.Message()
    request.add_byte(cMSG_CHANNEL_REQUEST)
    request.add_int(channel.remote_chanid)
    request.add_string("env")
    request.add_boolean(True)
    request.add_string(name)
    request.add_string(value)
    inner: Any = channel  # the three calls that paramiko's own requests are made of, which its types do not show
    inner._event_pending()
    inner.transport._send_user_message(request)
    try:
        inner._wait_for_event()
    except paramiko.SSHException:
        return False
    return True


@contextmanager
def connect(values: Values, say: Say, cancelled: threading.Event) -> Iterator[Machine]:
    """A logged-in connection, through the proxy if there is one.

    Raises `ConnectionFailedError`: at once for credentials that cannot be read, else after `dialErrorLimit` attempts.
    """
    with ExitStack() as opened:
        target = _endpoint(values)
        target_login = _login(target, opened)
        if values.get("proxy"):
            proxy = _endpoint(values["proxy"], "proxy: ")
            login = _login(proxy, opened, "proxy: ")
            bastion = _repeat("Dial proxy", proxy, say, cancelled, lambda: _dial(proxy, login, _socket(proxy)))
            opened.callback(bastion.close)

            def dial() -> paramiko.Transport:
                return _dial(target, target_login, _through(bastion, target))
        else:

            def dial() -> paramiko.Transport:
                return _dial(target, target_login, _socket(target))

        transport = _repeat("Dial", target, say, cancelled, dial)
        opened.callback(transport.close)
        yield Machine(transport, cancelled)


def _endpoint(values: Values, prefix: str = "") -> Endpoint:
    try:
        return Endpoint.of(values)
    except ValueError as fault:
        raise ConnectionFailedError(f"{prefix}{fault}") from fault


def _login(endpoint: Endpoint, opened: ExitStack, prefix: str = "") -> Login:
    try:
        return login_of(endpoint, endpoint.agent_socket or os.environ.get("SSH_AUTH_SOCK"), opened)
    except (ValueError, OSError) as fault:
        raise ConnectionFailedError(f"{prefix}{fault}") from fault


def _repeat(
    what: str, endpoint: Endpoint, say: Say, cancelled: threading.Event, attempt: Callable[[], paramiko.Transport]
) -> paramiko.Transport:
    limit = endpoint.dial_error_limit
    failed, delay = 0, FIRST_DELAY
    while True:
        try:
            return attempt()
        except (paramiko.SSHException, OSError, EOFError) as fault:
            failed += 1
            if -1 < limit < failed:
                raise ConnectionFailedError(f"after {failed - 1} failed attempts: {_words(fault)}") from fault
            say(f"{what} {failed}/{limit if limit >= 0 else 'inf'} failed: retrying")
        if cancelled.wait(delay):
            raise ConnectionFailedError("the operation was cancelled")
        delay = min(delay * GROWTH, LONGEST_DELAY)


def _words(fault: Exception) -> str:
    if isinstance(fault, EOFError):
        return "ssh: handshake failed: EOF"
    if isinstance(fault, paramiko.SSHException):
        return f"ssh: handshake failed: {fault}"
    return str(fault)


def _socket(endpoint: Endpoint) -> socket.socket:
    try:
        connection = socket.create_connection(endpoint.address, endpoint.per_dial_timeout)
    except TimeoutError as fault:
        raise TimeoutError(f"dial tcp {endpoint.host}:{endpoint.port}: i/o timeout") from fault
    except OSError as fault:
        reason = (fault.strerror or str(fault)).lower()
        raise OSError(f"dial tcp {endpoint.host}:{endpoint.port}: connect: {reason}") from fault
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 9)
    return connection


def _through(bastion: paramiko.Transport, target: Endpoint) -> paramiko.Channel:
    return bastion.open_channel("direct-tcpip", target.address, ("127.0.0.1", 0), timeout=target.per_dial_timeout)


def _dial(endpoint: Endpoint, login: Login, connection: Any) -> paramiko.Transport:
    """The handshake and the login. The time limit holds for each, which bounds a machine that accepts and is silent."""
    transport = paramiko.Transport(connection)
    try:
        if endpoint.per_dial_timeout:
            transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = endpoint.per_dial_timeout
        if endpoint.host_key:
            transport.get_security_options().key_types = KEY_ALGORITHMS[endpoint.host_key.kind]
        transport.start_client(timeout=endpoint.per_dial_timeout)
        if endpoint.host_key and transport.get_remote_server_key().asbytes() != endpoint.host_key.blob:
            raise paramiko.SSHException("ssh: host key mismatch")
        login(transport)
    except BaseException:
        transport.close()
        raise
    return transport
