"""`python -m auren_infra access`: open SSH to one address for a while, close it, and check who else is let in."""

import argparse
import getpass
import os
import re
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

from auren_infra.access import address, digitalocean, opening
from auren_infra.access.digitalocean import Account
from auren_infra.access.opening import LONGEST_MINUTES, Firewall, Opening
from auren_infra.apis.http import CloudError
from auren_infra.command_line import NOT_DONE, Help, run_old_call, told
from auren_infra.outputs.stack_name import stack_name
from auren_infra.settings.vocabulary import NAME

DONE, DIFFERENT, FAILED = 0, 1, NOT_DONE
IN_FORCE_SECONDS = 120
"""How long DigitalOcean may take to apply a new firewall."""

COMMANDS = {
    "open": "open SSH to one address, and close every opening that has expired",
    "close": "close that opening, and every other one that has expired",
    "check": "list the firewalls on the stack's droplets that are not the stack's own; changes nothing",
}


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    now = datetime.now(UTC).replace(microsecond=0)
    try:
        cloud = digitalocean.of_environment(os.environ)
        match options.command:
            case "open":
                until = now + timedelta(minutes=options.minutes)
                _open(cloud, Opening(options.stack, options.holder, until), options.address, now)
            case "close":
                _close(cloud, options.stack, options.holder, now)
            case _:
                return _check(cloud, options.stack, now)
    except CloudError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    return DONE


def _told(does: str, *commands: str) -> Help:
    return told(
        does=does,
        needs="DIGITALOCEAN_TOKEN. Neither pulumi nor the state.",
        ends={
            DONE: "done; `check` found nothing",
            DIFFERENT: "`check` found a firewall; the lines say which",
            FAILED: "it could not be done; standard error says why",
        },
        examples=[f"access {command} --stack prod" for command in commands],
    )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m auren_infra access",
        **_told("Opens a stack's SSH to one address, in the cloud's firewall, and closes it again.", *COMMANDS),
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command, says in COMMANDS.items():
        one = commands.add_parser(command, help=says, **_told(f"{says[0].upper()}{says[1:]}.", command))
        which = one.add_mutually_exclusive_group(required=True)
        which.add_argument("--stack", metavar="STACK", type=_stack, help="such as prod; its auren:name is auren-STACK")
        which.add_argument("--name", dest="stack", type=_name, help="the auren:name of a stack that sets it")
        if command != "check":
            one.add_argument(
                "--for",
                dest="holder",
                metavar="NAME",
                type=_holder,
                default=_caller(os.environ),
                help="who it is for (default: %(default)s); each has one opening",
            )
        if command == "open":
            one.add_argument("--address", type=_address, help="this IPv4 address, instead of the one that you are at")
            one.add_argument("--minutes", type=_minutes, default=60, help="for how long: 1 to 720 (default: 60)")
    return parser.parse_args(arguments)


def _open(cloud: Account, wanted: Opening, chosen: IPv4Address | None, now: datetime) -> None:
    source = chosen or address.own(os.environ)
    before = opening.openings(wanted.stack, cloud.firewalls())
    cloud.ensure_tag(wanted.stack)
    made = cloud.create_firewall(wanted.request(source))
    _wait_until_in_force(cloud, made)
    for firewall, old in before:
        if firewall.id != made.id and (old.holder == wanted.holder or old.over(now)):
            _delete(cloud, firewall, old, now)
    print(
        f"SSH of {wanted.stack} is open to {source} until {opening.shown(wanted.until)}. Close it before: "
        f"`python -m auren_infra access close {opening.chosen_by(wanted.stack)} --for {wanted.holder}`"
    )
    if not cloud.droplets(wanted.stack):
        print(f"No droplet is tagged {wanted.stack} yet: one that is created in this time is open to {source} as well.")


def _wait_until_in_force(cloud: Account, made: Firewall) -> None:
    deadline = time.monotonic() + IN_FORCE_SECONDS
    status = made.status
    while status != "succeeded":
        if status == "failed" or time.monotonic() > deadline:
            cloud.delete_firewall(made.id)
            raise CloudError(
                f"DigitalOcean did not bring the firewall {made.name} into force (status {status}), so it was deleted "
                "again. Try again. If it fails again, see DigitalOcean's status page."
            )
        time.sleep(1)
        status = cloud.status(made.id)


def _close(cloud: Account, stack: str, holder: str, now: datetime) -> None:
    try:
        found = opening.openings(stack, cloud.firewalls())
        ended = [(each, old) for each, old in found if old.holder == holder or old.over(now)]
        for firewall, old in ended:
            _delete(cloud, firewall, old, now)
        left = {firewall.id for firewall in cloud.firewalls()} & {firewall.id for firewall, _ in ended}
        if left:
            raise CloudError(f"DigitalOcean still has {len(left)} of the firewalls that it should have deleted.")
    except CloudError as error:
        prefix = f"{stack}-access-"
        raise CloudError(
            f"{error} SSH of {stack} may still be open. Close it again, or delete the firewalls whose names begin with "
            f"{prefix} in DigitalOcean's control panel."
        ) from error
    if not ended:
        print(f"SSH of {stack} was not open for {holder}.")


def _delete(cloud: Account, firewall: Firewall, old: Opening, now: datetime) -> None:
    cloud.delete_firewall(firewall.id)
    late = f"; it was past its time, {opening.shown(old.until)}" if old.over(now) else ""
    print(f"Closed: the opening for {old.holder} ({firewall.says}){late}.")


def _check(cloud: Account, stack: str, now: datetime) -> int:
    droplets = cloud.droplets(stack)
    if not droplets:
        raise CloudError(f"No droplet is tagged {stack}, so nothing was checked. Name another auren:name by --name.")
    firewalls = cloud.firewalls()
    for each, found in opening.openings(stack, firewalls):
        if not found.over(now):
            print(f"Open until {opening.shown(found.until)}: the opening for {found.holder} ({each.says}).")
    lines = opening.strangers(stack, firewalls, droplets, now)
    print("\n".join(lines) or f"No other firewall lets anybody in to {stack}.")
    return DIFFERENT if lines else DONE


def _caller(environment: Mapping[str, str]) -> str:
    """Who runs the command: a workflow run by its number, a person by their name and machine."""
    if run := environment.get("GITHUB_RUN_ID"):
        return opening.holder(f"run.{run}.{environment.get('GITHUB_RUN_ATTEMPT', '1')}")
    try:
        person = getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        person = str(os.getuid())
    return opening.holder(f"{person}.{socket.gethostname()}") or "somebody"


def _stack(text: str) -> str:
    name = stack_name(text).name
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise argparse.ArgumentTypeError(f"{text!r} is no stack of AUREN: lower-case letters, digits and dashes")
    return opening.of_stack(name)


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no auren:name: lower-case letters, digits and dashes")
    return text


def _holder(text: str) -> str:
    if opening.holder(text) != text:
        raise argparse.ArgumentTypeError(f"{text!r} cannot be in a firewall's name: lower-case letters, digits, dots")
    return text


def _address(text: str) -> IPv4Address:
    try:
        found = IPv4Address(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no IPv4 address, and the machine has no IPv6") from None
    if found.is_unspecified or found.is_loopback or found.is_multicast or found.is_link_local:
        raise argparse.ArgumentTypeError(f"no client connects from {text}; write your public address")
    return found


def _minutes(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= LONGEST_MINUTES):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of minutes from 1 to {LONGEST_MINUTES}")
    return int(text)


if __name__ == "__main__":
    run_old_call("access", main)
