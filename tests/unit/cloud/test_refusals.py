"""The sentence beside a cloud's refusal: who gets one, and which."""

import pytest

from auren_infra.cloud.answers import REFUSALS, Answer, Refusal
from auren_infra.cloud.refusals import HOOK, explain
from tests.unit.configuration import ROOT
from tests.unit.rehearsal import Rehearsal

DROPLET = "digitalocean:index/droplet:Droplet"
RECORD = "cloudflare:index/dnsRecord:DnsRecord"
CREATING = 'Error creating droplet: POST https://api.digitalocean.com/v2/droplets: 422 (request "5e29")'
REQUEST = 'failed to make http request: POST "https://api.cloudflare.com/client/v4/zones/0/dns_records"'


EXAMPLES = [(refusal, answer) for refusal in REFUSALS for answer in refusal.answers]


def _reported(refusal: Refusal, answer: Answer) -> str:
    """As the plugin reports it."""
    if refusal.cloud == "digitalocean":
        return f'POST https://api.digitalocean.com/v2/things: {answer.status} (request "5e29-401-429") {answer.message}'
    return f'{REQUEST}: {answer.status} Status {{"errors":[{{"code":{answer.code},"message":"{answer.message}"}}]}}'


@pytest.mark.parametrize(
    ("refusal", "answer"), EXAMPLES, ids=lambda value: str(value) if isinstance(value, Answer) else ""
)
def test_an_answer_comes_with_its_own_sentence(refusal: Refusal, answer: Answer) -> None:
    """A size with a smaller disk came with the sentence about regions, a limit of requests with that about droplets."""
    type_ = DROPLET if refusal.cloud == "digitalocean" else RECORD
    assert explain(type_, "trial", _reported(refusal, answer)) == refusal.sentence.format(name="trial")


@pytest.mark.parametrize(
    ("type_", "answer"),
    [
        (DROPLET, f"{CREATING} User data is limited to 64KiB."),
        (DROPLET, "GET https://api.digitalocean.com/v2/droplets/4013: 503 Service Unavailable"),
        (DROPLET, "GET https://api.digitalocean.com/v2/droplets/401: 503 Service Unavailable"),
        (DROPLET, "GET https://api.digitalocean.com/v2/droplets/404: 500 could not be found"),
        (DROPLET, 'failed: "code":81053'),
        (RECORD, f"{REQUEST}: 500 Internal Server Error creating this/these droplet(s) will exceed your droplet limit"),
        (RECORD, 'PUT "https://api.cloudflare.com/client/v4/zones/401/dns_records/403": 502 Bad Gateway'),
        ("command:remote:Command", "exit status 1: 401"),
    ],
)
def test_what_is_not_known_is_not_explained(type_: str, answer: str) -> None:
    assert explain(type_, "trial", answer) == ""


def test_every_explanation_is_one_sentence_with_a_repair() -> None:
    for refusal in REFUSALS:
        sentence = refusal.sentence.format(name="trial")
        assert sentence.endswith("."), sentence
        assert ". " not in sentence, sentence
        assert ": " in sentence, sentence


def test_the_documentation_has_every_answer_with_its_sentence() -> None:
    names = {"digitalocean": "DigitalOcean", "cloudflare": "Cloudflare"}
    rows = [
        f"| {names[refusal.cloud]} | {', '.join(f'`{answer}`' for answer in refusal.answers)} | {refusal.sentence} |"
        for refusal in REFUSALS
    ]
    told = (ROOT / "docs/refusals.md").read_text().splitlines()
    assert [row for row in rows if row not in told] == []
    assert len([line for line in told if line.startswith(("| DigitalOcean |", "| Cloudflare |"))]) == len(rows)


def test_every_resource_of_a_cloud_is_explained_and_nothing_else(rehearsal: Rehearsal) -> None:
    for resource in rehearsal.resources:
        explained = resource.type.startswith(("digitalocean:", "cloudflare:"))
        assert (HOOK in resource.error_hooks) == explained, resource.name
