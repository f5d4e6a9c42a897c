"""Runs in a network namespace, as root: which of all 65,535 TCP ports of each address answer at all.

Its arguments are addresses; it prints JSON: `{ADDRESS: {PORT: "open" or "refused"}}`. By SYN packets of our own: tens
of thousands of silent ports are tried in seconds, without a connection each. Sent twice, since one may get lost.
"""

import contextlib
import json
import socket
import struct
import sys
import threading
import time
from array import array

SYN, SYN_ACK, RST = 0x02, 0x12, 0x04
OURS = 40_000
"""The port that we ask from: an answer to another one is not for us."""
BATCH = 512
PAUSE_SECONDS = 0.01
WAIT_SECONDS = 2.0
ROUNDS = 2


def checksum(data: bytes) -> int:
    total = sum(array("H", data))
    total = (total >> 16) + (total & 0xFFFF)
    total += total >> 16
    return socket.htons(~total & 0xFFFF)


def syn(source: str, target: str, port: int) -> bytes:
    head = struct.pack("!HHIIBBHHH", OURS, port, port, 0, 5 << 4, SYN, 1024, 0, 0)
    pseudo = socket.inet_aton(source) + socket.inet_aton(target) + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(head))
    return head[:16] + struct.pack("!H", checksum(pseudo + head)) + head[18:]


def listen(line: socket.socket, found: dict[str, dict[int, str]], all_sent: threading.Event) -> None:
    """Until all is sent and nothing has come for a while."""
    while True:
        try:
            packet, (sender, _) = line.recvfrom(2048)
        except TimeoutError:
            if all_sent.is_set():
                return
            continue
        start = (packet[0] & 15) * 4
        port, ours, flags = (*struct.unpack_from("!HH", packet, start), packet[start + 13])
        if ours == OURS and sender in found:
            if flags & SYN_ACK == SYN_ACK:
                found[sender][port] = "open"
            elif flags & RST:
                found[sender].setdefault(port, "refused")


def own_address(target: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        way.connect((target, 9))
        return way.getsockname()[0]


def main() -> None:
    targets = sys.argv[1:]
    found: dict[str, dict[int, str]] = {target: {} for target in targets}
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as line:
        line.settimeout(WAIT_SECONDS)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        all_sent = threading.Event()
        listener = threading.Thread(target=listen, args=(line, found, all_sent))
        listener.start()
        for _ in range(ROUNDS):
            for target in targets:
                source = own_address(target)
                for port in range(1, 65536):
                    # What a wall on this very machine drops, its sender is told of.
                    with contextlib.suppress(PermissionError):
                        line.sendto(syn(source, target, port), (target, 0))
                    if port % BATCH == 0:
                        time.sleep(PAUSE_SECONDS)
        all_sent.set()
        listener.join()
    print(json.dumps(found))


main()
