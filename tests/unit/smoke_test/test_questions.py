"""What is asked, and which cause each wrong answer is taken for."""

import pytest

from auren_infra.smoke_test.answers import Addresses, Answer, NoSuchName, Silence, Unresolved
from auren_infra.smoke_test.questions import Cause, by_address, by_name
from tests.unit.smoke_test.network import ADDRESS, DIRECT, EDGE, PROXIED, FakeNetwork, by_cloudflare

ROOT = f"http://{ADDRESS}/"
HEALTH = f"http://{ADDRESS}/api/health"
NGINX_503 = Answer(503, {}, '{"detail":"the API does not answer; try again"}')


def redirect(location: str, status: int = 301) -> Answer:
    return Answer(status, {"location": location})


def test_a_site_that_works_has_no_fault_and_was_asked_everywhere() -> None:
    network = FakeNetwork(DIRECT)
    assert by_address(DIRECT, network) is None
    assert by_name(DIRECT, network) is None
    assert network.asked == [
        (ROOT, ADDRESS),
        (HEALTH, ADDRESS),
        ("http://aupex.ai/", ADDRESS),
        ("http://aupex.ai/api/health", ADDRESS),
        ("http://www.aupex.ai/", ADDRESS),
    ]


def test_a_proxied_site_is_asked_over_https_at_the_proxys_address() -> None:
    network = FakeNetwork(PROXIED)
    assert by_name(PROXIED, network) is None
    assert network.asked == [
        ("https://aupex.ai/", EDGE),
        ("https://aupex.ai/api/health", EDGE),
        ("https://www.aupex.ai/", EDGE),
    ]


@pytest.mark.parametrize(
    ("url", "reply", "cause", "told"),
    [
        (ROOT, Silence.NO_NETWORK, Cause.NO_NETWORK, "this machine has no route to it"),
        (ROOT, Silence.UNREACHABLE, Cause.UNREACHABLE, "cannot be reached"),
        (ROOT, Silence.REFUSED, Cause.PORT_REFUSED, "refuses the connection"),
        (ROOT, Silence.SLOW, Cause.NO_HTTP, "sends no answer within 10 s"),
        (ROOT, Silence.CUT, Cause.NO_HTTP, "ends the connection"),
        (ROOT, Answer(503, {}, "no website\n"), Cause.WEBSITE, "answers with 503: no website"),
        (ROOT, Answer(404), Cause.WEBSITE, "answers with 404"),
        (ROOT, Answer(421), Cause.WEBSITE, "answers with 421"),
        (ROOT, Answer(204), Cause.WEBSITE, "answers with 204"),
        (ROOT, redirect("https://parked.example/"), Cause.REDIRECT, "redirects to https://parked.example/"),
        (ROOT, redirect("http://[broken"), Cause.REDIRECT, "redirects to http://[broken"),
        (ROOT, redirect(f"http://{ADDRESS}:99999/"), Cause.REDIRECT, "redirects to"),
        (ROOT, redirect(f"ftp://{ADDRESS}/"), Cause.REDIRECT, "redirects to ftp:"),
        (ROOT, redirect("/"), Cause.REDIRECT, "redirects more than 5 times"),
        (HEALTH, Silence.SLOW, Cause.NO_HTTP, "sends no answer"),
        (HEALTH, NGINX_503, Cause.API_SILENT, "the API does not answer"),
        (HEALTH, Answer(502), Cause.API_SILENT, "answers with 502"),
        (HEALTH, Answer(504), Cause.API_SILENT, "answers with 504"),
        (HEALTH, Answer(503, {}, '{"postgres":"down"}'), Cause.API_ERROR, 'answers with 503: {"postgres":"down"}'),
        (HEALTH, Answer(500), Cause.API_ERROR, "answers with 500"),
        (HEALTH, Answer(429), Cause.TOO_MANY_REQUESTS, "answers with 429"),
    ],
)
def test_what_the_machine_answers_wrongly(url: str, reply: Answer | Silence, cause: Cause, told: str) -> None:
    fault = by_address(DIRECT, FakeNetwork(DIRECT, {url: reply}))
    assert fault is not None
    assert (fault.asked, fault.cause) == (url, cause)
    assert told in fault.got


@pytest.mark.parametrize("status", [200, 204, 301, 401, 403, 404, 405])
def test_any_answer_of_the_apis_own_counts(status: int) -> None:
    assert by_address(DIRECT, FakeNetwork(DIRECT, {HEALTH: Answer(status)})) is None


@pytest.mark.parametrize("location", ["/en/", f"http://{ADDRESS}/en/", "http://www.aupex.ai/en/", "en/"])
def test_a_redirect_within_the_site_is_followed_at_the_same_address(location: str) -> None:
    network = FakeNetwork(DIRECT, {ROOT: redirect(location, 308)})
    assert by_address(DIRECT, network) is None
    url, address = network.asked[1]
    assert url.endswith("/en/")
    assert address == ADDRESS


def test_a_redirect_without_a_place_is_no_website() -> None:
    fault = by_address(DIRECT, FakeNetwork(DIRECT, {ROOT: Answer(302)}))
    assert fault is not None
    assert fault.cause is Cause.WEBSITE


@pytest.mark.parametrize(
    ("found", "cause", "got"),
    [
        (NoSuchName(1800), Cause.NAME_MISSING, "has no address in the DNS"),
        (Unresolved.SILENT, Cause.NAME_SERVER, "cannot be looked up: no name server answers"),
        (Unresolved.REFUSED, Cause.NAME_SERVER, "cannot be looked up: the name server refuses to answer"),
        (Unresolved.FAILED, Cause.NAME_BROKEN, "cannot be looked up: the name server finds no answer"),
        (Addresses(["192.0.2.1"]), Cause.NAME_ELSEWHERE, f"leads to 192.0.2.1, not to {ADDRESS}"),
        (Addresses([EDGE, "104.16.0.2"]), Cause.NAME_ELSEWHERE, "leads to 104.16.0.1, 104.16.0.2, not to"),
        (Addresses([], ["2001:db8::1"]), Cause.NAME_ELSEWHERE, "leads to 2001:db8::1, not to"),
        (Addresses(["192.0.2.1", ADDRESS]), Cause.NAME_STRANGERS, f"leads to {ADDRESS} and also to 192.0.2.1"),
        (Addresses([ADDRESS], ["2001:db8::1"]), Cause.NAME_STRANGERS, "and also to 2001:db8::1"),
    ],
)
@pytest.mark.parametrize("host", DIRECT.hosts)
def test_a_name_that_does_not_lead_to_the_machine_alone(
    host: str, found: Addresses | NoSuchName | Unresolved, cause: Cause, got: str
) -> None:
    fault = by_name(DIRECT, FakeNetwork(DIRECT, names={host: found}))
    assert fault is not None
    assert (fault.asked, fault.cause) == (host, cause)
    assert got in fault.got


@pytest.mark.parametrize("found", [NoSuchName(600), Addresses(["192.0.2.1"], seconds=600)])
def test_how_long_a_name_server_keeps_its_answer_is_told(found: Addresses | NoSuchName) -> None:
    fault = by_name(DIRECT, FakeNetwork(DIRECT, names={"aupex.ai": found}))
    assert fault is not None
    assert fault.seconds == 600


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        (Silence.NO_NETWORK, Cause.NO_NETWORK),
        (Silence.UNREACHABLE, Cause.PROXY_UNREACHABLE),
        (Silence.REFUSED, Cause.PROXY_UNREACHABLE),
        (Silence.SLOW, Cause.PROXY_UNREACHABLE),
        (Silence.CUT, Cause.PROXY_UNREACHABLE),
        (Silence.CERTIFICATE, Cause.CERTIFICATE),
        (Silence.TLS, Cause.CERTIFICATE),
        (Answer(200, {"server": "nginx"}), Cause.NOT_PROXIED),
        (Answer(404, {"server": "parked"}), Cause.NOT_PROXIED),
        (by_cloudflare(Answer(403, {"cf-mitigated": "challenge"})), Cause.BLOCKED),
        (by_cloudflare(Answer(503, {"cf-mitigated": "challenge"})), Cause.BLOCKED),
        (by_cloudflare(Answer(403, {}, "error code: 1020")), Cause.BLOCKED),
        *((by_cloudflare(Answer(status)), Cause.SSL_MODE) for status in (521, 525, 526)),
        *((by_cloudflare(Answer(status)), Cause.ORIGIN_UNREACHABLE) for status in (520, 522, 523, 524, 530)),
        (by_cloudflare(redirect("https://parked.example/")), Cause.REDIRECT),
        (by_cloudflare(redirect("https://aupex.ai/")), Cause.REDIRECT),
        (by_cloudflare(Answer(404)), Cause.ZONE_RULES),
        (by_cloudflare(Answer(500)), Cause.ZONE_RULES),
    ],
)
def test_what_comes_through_the_proxy_wrongly(reply: Answer | Silence, cause: Cause) -> None:
    fault = by_name(PROXIED, FakeNetwork(PROXIED, {"https://aupex.ai/": reply}))
    assert fault is not None
    assert (fault.asked, fault.cause) == ("https://aupex.ai/", cause)


def test_the_second_name_is_judged_as_well() -> None:
    fault = by_name(PROXIED, FakeNetwork(PROXIED, {"https://www.aupex.ai/": Silence.TLS}))
    assert fault is not None
    assert (fault.asked, fault.cause) == ("https://www.aupex.ai/", Cause.CERTIFICATE)


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        (NGINX_503, Cause.API_SILENT),
        (Answer(500), Cause.API_ERROR),
        (Answer(429), Cause.TOO_MANY_REQUESTS),
        (Answer(522), Cause.ORIGIN_UNREACHABLE),
        (Answer(403, {"cf-mitigated": "challenge"}), Cause.BLOCKED),
    ],
)
def test_an_api_that_does_not_answer_through_the_proxy(reply: Answer, cause: Cause) -> None:
    url = "https://aupex.ai/api/health"
    fault = by_name(PROXIED, FakeNetwork(PROXIED, {url: by_cloudflare(reply)}))
    assert fault is not None
    assert (fault.asked, fault.cause) == (url, cause)


@pytest.mark.parametrize(
    ("replies", "cause"),
    [
        ({"192.0.2.1": Silence.UNREACHABLE}, None),
        ({"192.0.2.1": Silence.REFUSED, EDGE: Silence.UNREACHABLE, "2001:db8::1": Silence.UNREACHABLE}, "refuses"),
        # Many a machine has no IPv6, which says nothing about the site.
        ({"192.0.2.1": Silence.SLOW, EDGE: Silence.SLOW, "2001:db8::1": Silence.NO_NETWORK}, "sends no answer"),
    ],
)
def test_all_addresses_of_a_proxy_are_tried_and_the_first_failure_is_told(
    replies: dict[str, Silence], cause: str | None
) -> None:
    network = FakeNetwork(PROXIED, names={"aupex.ai": Addresses(["192.0.2.1", EDGE], ["2001:db8::1"])})
    network.by_address = replies
    fault = by_name(PROXIED, network)
    assert (fault is None) == (cause is None)
    assert (cause or "") in str(fault)


def test_names_that_redirect_to_each_other_are_no_website() -> None:
    network = FakeNetwork(
        PROXIED,
        {
            "https://aupex.ai/": by_cloudflare(redirect("https://www.aupex.ai/")),
            "https://www.aupex.ai/": by_cloudflare(redirect("https://aupex.ai/")),
        },
    )
    fault = by_name(PROXIED, network)
    assert fault is not None
    assert fault.cause is Cause.REDIRECT


def test_a_name_that_redirects_to_the_other_is_fine() -> None:
    network = FakeNetwork(PROXIED, {"https://www.aupex.ai/": by_cloudflare(redirect("https://aupex.ai/"))})
    assert by_name(PROXIED, network) is None


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Answer(500, {}, "\x1b[31mred\x07"), "answers with 500: ?[31mred?"),
        (Answer(500, {}, "a" * 2000), "answers with 500"),
        (Answer(500, {}, "<html>\n<body>"), "answers with 500"),
        (redirect("https://x.example/\x1b[2J" + "a" * 200), f"redirects to https://x.example/?[2J{'a' * 58}…"),
    ],
)
def test_what_an_answer_says_is_shown_when_it_is_short_and_writes_nothing_to_a_terminal(
    reply: Answer, told: str
) -> None:
    fault = by_address(DIRECT, FakeNetwork(DIRECT, {ROOT: reply}))
    assert str(fault) == f"{ROOT} {told}"
