"""Orders: what is read back is what was sent, of every kind, and a reader needs no more than what is sent."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auren_infra import bundle, call
from auren_infra.host import orders
from auren_infra.host.machine import script
from auren_infra.host.orders import ORDERS, Order
from tests.unit.configuration import BACKED_UP, ROOT, WITH_WEBSITE
from tests.unit.host.test_scripts import SOURCED
from tests.unit.rehearsal import NAME, Rehearsal, deploy

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
lines = st.text(st.characters(codec="utf-8", exclude_characters="\0\n"))
files = st.lists(lines).map(lambda found: "".join(f"{line}\n" for line in found))
words = st.from_regex(r"[a-z0-9.@_-]+", fullmatch=True)
numbers = st.integers(0, 10**6)
many = st.lists(lines).map(tuple)

EXAMPLES: dict[type[Order], st.SearchStrategy[Order]] = {
    orders.WaitReady: st.builds(orders.WaitReady, numbers),
    orders.DataDisk: st.builds(orders.DataDisk, texts, texts, numbers, files, files),
    orders.DockerEngine: st.builds(orders.DockerEngine, texts, st.lists(texts).map(tuple), texts),
    orders.DockerNetwork: st.builds(orders.DockerNetwork, texts, texts, texts),
    orders.ContainerFirewall: st.builds(orders.ContainerFirewall, files, files),
    orders.MachineFirewall: st.builds(orders.MachineFirewall, texts),
    orders.LogRotation: st.builds(orders.LogRotation, texts, numbers, numbers, files, files),
    orders.SystemUpdates: st.builds(orders.SystemUpdates, texts),
    orders.PutFile: st.builds(orders.PutFile[str], texts, texts, texts, texts),
    orders.RemoveFile: st.builds(orders.RemoveFile, texts),
    orders.PutSecret: st.builds(orders.PutSecret[str], texts, texts, texts, lines, texts),
    orders.PutTree: st.builds(orders.PutTree, texts, st.booleans(), texts),
    orders.PutImageTree: st.builds(orders.PutImageTree, texts, texts, texts, numbers, numbers),
    orders.Stage: st.builds(orders.Stage[str], texts, st.dictionaries(words, texts), texts),
    orders.Reload: st.builds(orders.Reload[str], texts, numbers, texts),
    orders.Retire: st.builds(orders.Retire, many),
    orders.StartFirst: st.builds(
        orders.StartFirst[str], texts, numbers, texts, numbers, numbers, st.lists(texts, max_size=2).map(tuple)
    ),
    orders.Programs: st.builds(orders.Programs, st.dictionaries(words, files)),
    orders.Supervision: st.builds(
        orders.Supervision, files, st.dictionaries(words.filter(lambda name: name != "watchdog"), files)
    ),
    orders.Switch: st.builds(orders.Switch[str], texts, numbers, texts),
    orders.KafkaTopics: st.builds(orders.KafkaTopics, texts, numbers, many),
    orders.Fill: st.builds(orders.Fill[str], many, texts),
    orders.BackUpFirst: st.builds(orders.BackUpFirst[str], numbers, texts),
    orders.BackUp: st.builds(orders.BackUp[str], texts),
    orders.Jobs: st.builds(orders.Jobs, st.dictionaries(words, files)),
    orders.Sqlite: st.builds(orders.Sqlite, texts, texts),
    orders.Tidy: st.just(orders.Tidy()),
}


def _sent(order: Order) -> tuple[str, str]:
    """The command line and the standard input. No part of the order is an output here."""
    arguments: Any = order.arguments()
    data: Any = order.data()
    return call.line(order.id, arguments, lock="/run/lock/auren-it", seconds=600), script(order.id) + data


@pytest.mark.parametrize("kind", ORDERS.values(), ids=ORDERS)
@given(data=st.data())
def test_what_is_read_is_what_was_sent(kind: type[Order], data: st.DataObject) -> None:
    order = data.draw(EXAMPLES[kind])
    found = call.read(*_sent(order))
    assert orders.read(found) == order
    assert (found.id, found.script) == (kind.id, script(kind.id))


@given(st.one_of(EXAMPLES[orders.PutFile], EXAMPLES[orders.PutSecret], EXAMPLES[orders.Stage], EXAMPLES[orders.Switch]))
def test_an_order_is_known_also_when_its_data_is_hidden(order: Order) -> None:
    create, _ = _sent(order)
    found = orders.read(call.read(create, {"ciphertext": "djE6"}))
    assert type(found) is type(order)
    assert found.arguments() == order.arguments()
    with pytest.raises(ValueError, match="read without its secret"):
        found.data()


def test_every_command_of_an_update_is_read_and_would_be_sent_as_it_is(update: Rehearsal) -> None:
    seen: set[str] = set()
    more = deploy(website="website", images=WITH_WEBSITE, **BACKED_UP)
    for command in (*update.commands(), *more.commands()):
        create, stdin = command.inputs["create"], command.inputs["stdin"]
        order = orders.read(call.read(create, stdin))
        seen.add(order.id)
        words = create.split()
        lock = f"/run/lock/auren-{command.name.removeprefix(f'{NAME}-')}"
        arguments: Any = order.arguments()
        assert call.line(order.id, arguments, lock=lock, seconds=int(words[words.index("-w") + 1])) == create
        assert script(order.id) + str(order.data()) == stdin
    assert seen == ORDERS.keys()


def test_every_script_is_of_an_order_or_runs_otherwise() -> None:
    otherwise = {"hold", "look", "over_ssh", "release_data_disk", "stop_containers", "watchdog"}
    otherwise |= {"stop", "rollback", "list_releases", "backup", "restore", "move_in", "old_machine", *SOURCED}
    assert {path.stem for path in (ROOT / "auren_infra/host/scripts").glob("*.sh")} == ORDERS.keys() | otherwise


@pytest.mark.parametrize(
    ("order", "arguments", "data"),
    [
        ("container_firewall", (), "*filter\nCOMMIT\n"),
        ("container_firewall", (), bundle.pack({"containers.rules": ""})),
        ("container_firewall", ("more",), bundle.pack({"containers.rules": "", "auren-firewall.service": ""})),
        ("supervision", (), bundle.pack({"auren.service": ""})),
        ("put_file", ("/path", "0644"), ""),
        ("put_secret", ("/directory", "name", "0:0"), "no digest"),
        ("put_tree", ("/directory", "else"), ""),
        ("put_tree", ("/directory",), None),
        ("put_image_tree", ("/directory", "image", "/website", "1"), ""),
        ("put_image_tree", ("/directory", "image", "/website", "1", "many"), ""),
        ("put_image_tree", ("/directory", "image", "/website", "1", "1"), "data"),
        ("stage", ("redis", "no-digest"), ""),
        ("retire", (), "no end"),
        ("tidy", (), "data"),
        ("container", ("redis",), ""),
        ("", ("redis",), ""),
    ],
)
def test_what_this_program_does_not_send_is_refused(order: str, arguments: tuple[str, ...], data: str | None) -> None:
    with pytest.raises(ValueError):
        orders.read(call.Call(order, arguments, "", data))


@pytest.mark.parametrize("create", ["echo it", "bash -s -- 'no end"])
def test_a_command_line_of_somebody_else_is_refused(create: str) -> None:
    with pytest.raises(ValueError):
        call.read(create, "")


@pytest.mark.parametrize(
    ("stdin", "expected"),
    [
        ('main "$@"; exit\ndata\n', ('main "$@"; exit\n', "data\n")),
        ('a\nmain "$@"; exit\nmain "$@"; exit\n', ('a\nmain "$@"; exit\n', 'main "$@"; exit\n')),
        ("a\nb\n", ("a\nb\n", "")),
        ("", ("", "")),
    ],
)
def test_the_data_stands_behind_the_first_last_line(stdin: str, expected: tuple[str, str]) -> None:
    found = call.read(None, stdin)
    assert (found.script, found.data) == expected
