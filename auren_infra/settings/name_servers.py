"""The form of a name server: an address, with a port if it is not 53."""

import re
from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator

from auren_infra.settings.faults import wrong

PORT = 53
_WITH_PORT = re.compile(r"(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<ipv4>[0-9.]+)):(?P<port>[1-9][0-9]{0,4})")


def endpoint(name_server: str) -> tuple[str, int]:
    """Address and port. Raises `ValueError` for anything else."""
    match = _WITH_PORT.fullmatch(name_server)
    address = (match["ipv6"] or match["ipv4"]) if match else name_server
    port = int(match["port"]) if match else PORT
    found = ip_address(address)
    if port > 65535 or "%" in address or found.is_unspecified or found.is_multicast:
        raise ValueError(name_server)
    return str(found), port


def _name_server(value: str) -> str:
    if value:
        try:
            endpoint(value)
        except ValueError:
            raise wrong("not an address; write it like 1.1.1.1, 127.0.0.1:5300 or [2606:4700:4700::1111]:53") from None
    return value


NameServer = Annotated[str, AfterValidator(_name_server)]
"""Empty: the name servers of the system are used."""
