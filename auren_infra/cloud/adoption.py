"""The records that exist before the stack does, and become part of it: those of the machine that the data comes from.

They are looked up past Pulumi's plugin, which finds a record by its id only.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from auren_infra.apis import cloudflare
from auren_infra.apis.http import CloudError
from auren_infra.cloud.dns import ttl
from auren_infra.settings import Fault, Settings
from auren_infra.settings.deployed import Deployed

_KEY = "auren:movingFrom"
_OF_VISITORS = ("A", "AAAA", "CNAME")


def find_records(zone: str, settings: Settings, before: Deployed) -> tuple[Mapping[str, str], list[Fault]]:
    """The ids of the records that the state does not have yet, by name; and what is wrong with them.

    The engine takes a record as it is: it refuses one that differs from what the program wants.
    """
    known = before.records.union(settings.hosts if before.domain == settings.domain else ())
    found: dict[str, str] = {}
    faults: list[Fault] = []
    try:
        api = cloudflare.of_environment(os.environ)
        for host in settings.hosts:
            if host in known:
                continue
            records = [each for each in api.records_of(zone, host) if each["type"] in _OF_VISITORS]
            wrong = list(_wrong(host, records, settings))
            faults += [Fault(_KEY, text) for text in wrong]
            if records and not wrong:
                found[host] = str(records[0]["id"])
    except CloudError as error:
        return {}, [Fault(_KEY, str(error))]
    return found, faults


def _wrong(host: str, records: Sequence[Mapping[str, Any]], settings: Settings) -> Iterator[str]:
    kinds = ", ".join(f"{each['type']} {each['content']}" for each in records)
    if len(records) > 1 or any(each["type"] != "A" for each in records):
        yield (
            f"{host} has other records than one A record: {kinds}. "
            f"In Cloudflare's dashboard, leave one A record that leads to {settings.moving_from}."
        )
        return
    for record in records:
        if record["content"] != settings.moving_from:
            yield f"the record of {host} leads to {record['content']}; set it to the machine that serves {host} now"
        if bool(record.get("proxied")) != settings.proxied:
            yield (
                f"the record of {host} is {'proxied' if record.get('proxied') else 'not proxied'}, and auren:proxied "
                f"is {str(settings.proxied).lower()}; set auren:proxied to what the record has"
            )
        elif record["ttl"] != (wanted := ttl(proxied=settings.proxied)):
            yield (
                f"the record of {host} has a TTL of {record['ttl']} s; set it to {wanted} s in Cloudflare's dashboard, "
                "and wait for the old TTL to pass"
            )
        if record.get("comment") or record.get("tags"):
            yield f"the record of {host} has a comment or tags, which this program does not keep; remove them there"
