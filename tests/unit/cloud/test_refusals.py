"""The sentence beside a cloud's refusal: who gets one, and which."""

import pytest

from auren_infra.cloud.refusals import HOOK, REFUSALS, explain
from tests.unit.configuration import ROOT
from tests.unit.rehearsal import Rehearsal

DROPLET = "digitalocean:index/droplet:Droplet"
RECORD = "cloudflare:index/dnsRecord:DnsRecord"
CREATING = 'Error creating droplet: POST https://api.digitalocean.com/v2/droplets: 422 (request "5e29")'
REQUEST = 'failed to make http request: POST "https://api.cloudflare.com/client/v4/zones/0/dns_records"'


@pytest.mark.parametrize(
    ("type_", "answer", "mend"),
    [
        (
            DROPLET,
            "POST https://api.digitalocean.com/v2/tags: 401 Unable to authenticate you",
            "set DIGITALOCEAN_TOKEN",
        ),
        (DROPLET, "POST …/tags: 403 you do not have access for the attempted action", "read and write, or full access"),
        (DROPLET, "POST …/droplets: 403 You are not authorized to perform this operation.", "read and write"),
        (
            DROPLET,
            f"{CREATING} creating this/these droplet(s) will exceed your droplet limit",
            "ask DigitalOcean for a",
        ),
        (DROPLET, "POST …/volumes: 403 volume limit exceeded: capacity limit exceeded", "delete one, or ask"),
        (DROPLET, "POST …/reserved_ips: 422 reserved IP limit exceeded", "delete one, or ask"),
        (DROPLET, f"{CREATING} Size is not available in this region.", "choose another auren:dropletSize"),
        (DROPLET, "POST …: 422 You specified an invalid size for Droplet resize.", "choose another auren:dropletSize"),
        (DROPLET, f"{CREATING} Region is not available", "choose another auren:region"),
        (DROPLET, f"{CREATING} You specified an invalid image for Droplet creation.", "auren:dropletImage"),
        (
            DROPLET,
            "POST …/vpcs: 422 This range/size overlaps with another VPC network in",
            "choose another auren:vpcRange",
        ),
        (DROPLET, "POST …/firewalls: 409 duplicate name", "has one named trial that this stack did not make"),
        (DROPLET, "POST …/account/keys: 422 SSH Key is already in use on your account", "that this stack did not make"),
        (DROPLET, "POST …/actions: 422 Droplet already has a pending event.", "let it end, then `pulumi up`"),
        (DROPLET, "DELETE …/vpcs/1: 403 Can not delete VPC with members", "move or delete it"),
        (
            RECORD,
            f'{REQUEST}: 403 Forbidden {{"errors":[{{"code":9109,"message":"Invalid access',
            "CLOUDFLARE_API_TOKEN",
        ),
        (
            RECORD,
            f'{REQUEST}: 403 Forbidden {{"errors":[{{"code":9109,"message":"Unauthorized to access requested resource"',
            "Zone:Read and DNS:Edit",
        ),
        (RECORD, f'{REQUEST}: 403 Forbidden {{"errors":[{{"code":10000,"message":"Authent', "Zone:Read and DNS:Edit"),
        (
            RECORD,
            f'{REQUEST}: 400 Bad Request {{"errors":[{{"code":81053,"message":"An A, AAAA',
            "delete it at Cloudflare",
        ),
        (RECORD, f'{REQUEST}: 400 Bad Request {{"errors": [{{"code": 81058, "message": "An id', "record named trial"),
        (
            RECORD,
            f'{REQUEST}: 400 Bad Request {{"errors":[{{"code":7003,"message":"Could not',
            "change auren:cloudflareZone",
        ),
    ],
)
def test_an_answer_is_explained_with_the_mend(type_: str, answer: str, mend: str) -> None:
    assert mend in explain(type_, "trial", answer)


@pytest.mark.parametrize(
    ("type_", "answer"),
    [
        (DROPLET, f"{CREATING} User data is limited to 64KiB."),
        (DROPLET, "GET https://api.digitalocean.com/v2/droplets/4013: 503 Service Unavailable"),
        (DROPLET, 'failed: "code":81053'),
        (RECORD, f"{REQUEST}: 500 Internal Server Error creating this/these droplet(s) will exceed your droplet limit"),
        ("command:remote:Command", "exit status 1: 401"),
    ],
)
def test_what_is_not_known_is_not_explained(type_: str, answer: str) -> None:
    assert explain(type_, "trial", answer) == ""


def test_every_explanation_is_one_sentence_with_a_mend() -> None:
    for refusal in REFUSALS:
        sentence = refusal.sentence.format(name="trial")
        assert sentence.endswith("."), sentence
        assert ". " not in sentence, sentence
        assert ": " in sentence, sentence


def test_the_documentation_has_every_explanation() -> None:
    told = (ROOT / "docs/refusals.md").read_text()
    assert [refusal.sentence for refusal in REFUSALS if refusal.sentence not in told] == []


def test_every_resource_of_a_cloud_is_explained_and_nothing_else(rehearsal: Rehearsal) -> None:
    for resource in rehearsal.resources:
        explained = resource.type.startswith(("digitalocean:", "cloudflare:"))
        assert (HOOK in resource.error_hooks) == explained, resource.name
