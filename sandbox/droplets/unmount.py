"""`unmount.py NAMESPACE MOUNTPOINT`: detach a mount in another mount namespace.

A process of its own, since a process with threads cannot change its namespace; and not `nsenter … umount`,
since a container's namespace need not hold any program.
"""

import ctypes
import errno
import os
import sys

CLONE_NEWNS = 0x00020000
MNT_DETACH = 2
UMOUNT_NOFOLLOW = 8


def main(namespace: str, point: str) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        file = os.open(namespace, os.O_RDONLY)
    except FileNotFoundError:  # its process has ended, and took it along
        return 0
    if libc.setns(file, CLONE_NEWNS) != 0:
        print(f"setns {namespace}: {os.strerror(ctypes.get_errno())}", file=sys.stderr)
        return 1
    if libc.umount2(os.fsencode(point), MNT_DETACH | UMOUNT_NOFOLLOW) != 0:
        fault = ctypes.get_errno()
        if fault not in (errno.EINVAL, errno.ENOENT):  # gone meanwhile
            print(f"umount {point}: {os.strerror(fault)}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
