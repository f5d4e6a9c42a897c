"""Servers on loopback that answer rightly, wrongly, or not at all."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOOPBACK = "127.0.0.1"
HANDSHAKE_FAILURE = b"\x15\x03\x03\x00\x02\x02\x28"
"""A TLS alert."""
PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Own: yes\r\n\r\nAUREN"


@dataclass
class Server:
    port: int
    requests: list[str] = field(default_factory=list[str])
    """The text of what was asked."""


Behaviour = Callable[[socket.socket, Server], None]


@contextmanager
def serving(behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A TCP server that does one thing with each connection."""
    listener = socket.create_server((LOOPBACK, 0))
    server = Server(listener.getsockname()[1])

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    if tls:
                        with tls.wrap_socket(connection, server_side=True) as secure:
                            behaviour(secure, server)
                    else:
                        behaviour(connection, server)
                except OSError:
                    pass  # the client has gone

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def answer(text: bytes) -> Behaviour:
    def behave(connection: socket.socket, server: Server) -> None:
        server.requests.append(connection.recv(4096).decode(errors="replace"))
        connection.sendall(text)

    return behave


def hang_up(connection: socket.socket, server: Server) -> None:
    connection.recv(4096)


def say_nothing(connection: socket.socket, server: Server) -> None:
    while connection.recv(4096):
        pass


def trickle(connection: socket.socket, server: Server) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        connection.sendall(b"a")
        time.sleep(0.05)


def closed_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as listener:
        return listener.getsockname()[1]


def certificate(folder: Path, *names: str) -> Path:
    """A self-signed certificate with its key in one file, so that it can be its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "trial")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


def tls_with(file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


Zone = Callable[[str, str], tuple[dns.rcode.Rcode, list[tuple[str, str]]] | None]
"""Name and type of a question -> the answer's code and its records as (TYPE, TEXT). None: no answer at all."""
SOA = "ns.example. dns.example. 1 2 3 4 1800"


@contextmanager
def name_server(zone: Zone) -> Iterator[str]:
    """Its ADDRESS:PORT."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind((LOOPBACK, 0))

    def serve() -> None:
        while True:
            data, client = listener.recvfrom(4096)
            if data == b"end":
                return
            question = dns.message.from_wire(data)
            asked = question.question[0]
            found = zone(str(asked.name).rstrip("."), str(asked.rdtype.name))
            if found is None:
                continue
            code, records = found
            reply = dns.message.make_response(question)
            reply.set_rcode(code)
            for kind, text in records:
                reply.answer.append(dns.rrset.from_text(asked.name, 300, "IN", kind, text))
            if not records:
                reply.authority.append(dns.rrset.from_text("aupex.ai.", 3600, "IN", "SOA", SOA))
            listener.sendto(reply.to_wire(), client)

    thread = threading.Thread(target=serve)
    thread.start()
    address = listener.getsockname()
    try:
        yield f"{address[0]}:{address[1]}"
    finally:
        listener.sendto(b"end", address)
        thread.join()
        listener.close()
