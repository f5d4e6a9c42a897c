"""When the smoke test runs in an update, what it waits for, and what becomes of the update."""

import asyncio
import itertools
from dataclasses import dataclass, field
from types import SimpleNamespace

import pulumi
import pulumi_digitalocean as digitalocean
import pytest

from auren_infra import stack
from auren_infra.blueprint import describe
from auren_infra.cloud import cloudflare
from auren_infra.placement import place
from auren_infra.settings.deployed import Deployed
from auren_infra.smoke_test import LEFT_OUT, clouds, update
from auren_infra.smoke_test.advice import GONE
from auren_infra.smoke_test.answers import Addresses, Answer, NoSuchName, Silence, Unresolved
from auren_infra.smoke_test.questions import Cause, Fault
from auren_infra.smoke_test.update import answered
from tests.unit.configuration import settings
from tests.unit.rehearsal import NAME, Rehearsal, rehearse
from tests.unit.smoke_test.network import ADDRESS, DIRECT, FakeNetwork

ROOT = f"http://{ADDRESS}/"


@dataclass
class Watched(FakeNetwork):
    """Notes how much was registered when it was first asked."""

    run: Rehearsal = field(default_factory=Rehearsal)
    registered: int = 0
    probed: list[int] = field(default_factory=list[int])

    def get(self, url: str, address: str) -> Answer | Silence:
        self.registered = self.registered or len(self.run.resources)
        return super().get(url, address)

    def connects(self, address: str, port: int) -> bool:
        self.probed.append(port)
        return False


@pytest.fixture(autouse=True)
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The warnings. Nobody waits in these tests."""
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    monkeypatch.setattr(update, "MACHINE_SECONDS", 0)
    monkeypatch.setattr(update, "NAMES_SECONDS", 0)
    return warnings


def updated(network: FakeNetwork, *, preview: bool = False, without: tuple[str, ...] = (), **changes: str) -> Rehearsal:
    run = network.run if isinstance(network, Watched) else Rehearsal()
    chosen = settings(proxied="false", **changes)
    return rehearse(
        lambda: stack.deploy(place(describe(chosen)), Deployed()),
        preview=preview,
        into=run,
        network=network,
        undeployed=without,
    )


def test_an_update_asks_when_everything_is_deployed() -> None:
    network = Watched(DIRECT)
    run = updated(network)
    assert network.asked[0] == (ROOT, ADDRESS)
    assert ("http://www.aupex.ai/", ADDRESS) in network.asked
    assert network.registered == len(run.resources)


def test_a_preview_asks_nothing() -> None:
    network = Watched(DIRECT)
    updated(network, preview=True)
    assert network.asked == []


def test_a_site_that_does_not_answer_fails_the_update_with_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clouds, "droplet_status", lambda droplet: "active" if droplet == "3164494" else "")
    monkeypatch.setattr(clouds, "zone_status", lambda zone: ("active", ()))
    network = Watched(DIRECT, {ROOT: Silence.UNREACHABLE})
    with pytest.raises(pulumi.RunError) as failed:
        updated(network)
    assert str(failed.value).startswith(f"The smoke test failed: {ROOT} cannot be reached. Port 22 does not answer")
    assert "power-cycle 3164494" in str(failed.value)
    assert network.probed == [22]
    assert {resource.name for resource in network.run.commands()} >= {f"{NAME}-nginx", f"{NAME}-api"}


@pytest.mark.parametrize("status", ["off", "archive", GONE])
def test_a_droplet_at_rest_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    monkeypatch.setattr(update, "MACHINE_SECONDS", 3600)
    monkeypatch.setattr(clouds, "droplet_status", lambda droplet: status)
    monkeypatch.setattr(clouds, "zone_status", lambda zone: ("", ()))
    with pytest.raises(pulumi.RunError, match="3164494"):
        updated(Watched(DIRECT, {ROOT: Silence.UNREACHABLE}))


def test_a_name_that_leads_nowhere_fails_the_update(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clouds, "droplet_status", lambda droplet: "active")
    monkeypatch.setattr(clouds, "zone_status", lambda zone: ("pending", ("ada.ns.cloudflare.com",)))
    names: dict[str, Addresses | NoSuchName | Unresolved] = {"www.aupex.ai": NoSuchName()}
    with pytest.raises(pulumi.RunError, match=r"zone aupex\.ai is pending.* to ada\.ns\.cloudflare\.com"):
        updated(Watched(DIRECT, names=names))


def test_by_address_alone(said: list[str]) -> None:
    network = Watched(DIRECT, names={"aupex.ai": NoSuchName()})
    updated(network, smokeTest="address")
    assert network.asked == [(ROOT, ADDRESS), (f"{ROOT}api/health", ADDRESS)]
    assert said == ["auren:smokeTest is address: whether AUREN answers by name was not tested."]


def test_left_out_for_the_records_alone_it_says_so(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LEFT_OUT, "1")
    network = Watched(DIRECT)
    updated(network)
    assert network.asked == []
    assert said == ["AUREN_WITHOUT_SMOKE_TEST is set: whether AUREN answers was not tested."]


def test_switched_off_it_says_so(said: list[str]) -> None:
    network = Watched(DIRECT, {ROOT: Silence.UNREACHABLE})
    updated(network, smokeTest="none")
    assert network.asked == []
    assert said == ["auren:smokeTest is none: whether AUREN answers was not tested."]


def test_a_machine_whose_web_server_is_not_deployed_yet_is_not_asked(said: list[str]) -> None:
    network = Watched(DIRECT)
    updated(network, without=(f"{NAME}-nginx",))
    assert network.asked == []
    assert said == ["nginx is not deployed yet: whether AUREN answers was not tested."]


def test_a_name_whose_record_is_not_deployed_yet_is_not_asked(said: list[str]) -> None:
    network = Watched(DIRECT, names={"www.aupex.ai": NoSuchName()})
    updated(network, without=("www.aupex.ai",))
    assert ("http://aupex.ai/", ADDRESS) in network.asked
    assert said == ["The record of www.aupex.ai is not deployed yet: that name was not tested."]


def test_the_name_server_of_the_settings_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    network = update.open_network("127.0.0.1:5300")
    assert vars(network) == {"_name_server": "127.0.0.1:5300"}


FAULT = Fault(ROOT, "answers with 503", Cause.API_SILENT)


def test_it_asks_again_until_there_is_an_answer_and_tells_what_it_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", lambda text, ephemeral: told.append(text))
    replies = iter([FAULT, FAULT, None])
    assert asyncio.run(answered(lambda: next(replies), 3600, pause=0)) is None
    assert told == [f"{FAULT}; trying again"] * 2


def test_it_gives_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = itertools.count()
    monkeypatch.setattr(update, "time", SimpleNamespace(monotonic=lambda: float(next(now))))
    monkeypatch.setattr(pulumi.log, "info", lambda text, ephemeral: None)
    asked: list[None] = []

    def ask() -> Fault:
        asked.append(None)
        return FAULT

    assert asyncio.run(answered(ask, 10, pause=0)) is FAULT
    assert len(asked) == 10


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (
            Exception('invoke failed: GET https://api.digitalocean.com/v2/droplets/404: 404 (request "5e") not found'),
            GONE,
        ),
        (Exception("invoke failed: GET https://api.digitalocean.com/v2/droplets/404: 503"), ""),
        (Exception("invoke failed: no plugin"), ""),
    ],
)
def test_a_droplet_that_digitalocean_does_not_tell_of(
    monkeypatch: pytest.MonkeyPatch, answer: Exception, status: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise answer

    monkeypatch.setattr(digitalocean, "get_droplet", fail)
    monkeypatch.setattr(cloudflare, "zones", fail)
    assert clouds.droplet_status("404") == status
    assert clouds.zone_status("aupex.ai") == ("", ())
