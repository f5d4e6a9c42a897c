"""The comment on a pull request, from steps that the engine could report."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pulumi.automation.events import EngineEvent

from auren_infra import bundle
from auren_infra.host.machine import script
from auren_infra.release_text import Release
from auren_infra.review.comment import comment
from auren_infra.review.preview import Finding, Hidden, Preview, Step, read
from tests.unit.review.github import assert_sound
from tests.unit.review.steps import (
    COMMAND,
    DROPLET,
    FIREWALL,
    WEBSITE,
    file,
    firewall,
    packed,
    release,
    reloaded,
    restaged,
    secret,
    sent,
    staged,
    started_beside,
    step,
    switched,
    told,
    website,
)


def test_a_deleted_resource_is_told_in_bold_first() -> None:
    record = {"name": "old.aupex.ai", "type": "A"}
    text = told(
        step("cloudflare:index/dnsRecord:DnsRecord", "old.aupex.ai", "delete", record, None),
        step(DROPLET, "auren-prod", "update", {"size": "s-2vcpu-4gb"}, {"size": "s-4vcpu-8gb"}),
    )
    assert "**1 deleted**, 1 updated." in text
    assert "- **Deleted: DnsRecord `old.aupex.ai`**." in text
    assert text.index("**Deleted:") < text.index("- size: s-2vcpu-4gb")
    assert "Its containers stop, and it is switched off, resized and started again." in text


def test_commands_for_a_machine_that_is_made_anew_are_one_line() -> None:
    """Somebody had deleted it: it is created, and the commands are replaced for its id."""
    steps = [
        step(COMMAND, name, "replace", sent("put_file", name), sent("put_file", name), replaced_for=("triggers",))
        for name in ("nginx.conf", "redis.conf")
    ]
    text = told(step(DROPLET, "auren-prod", "create", None, {"size": "s-2vcpu-4gb"}), *steps)
    assert "- **Replaced: 2 commands**, which run again on the new machine: nginx.conf, redis.conf" in text
    assert "triggers" not in text


def test_losing_a_volume_is_told_to_lose_its_data() -> None:
    volume = step("digitalocean:index/volume:Volume", "data", "replace", {"region": "nyc3"}, {"region": "ams3"})
    text = told(Step(**{**vars(volume), "replaced_for": ("region",)}))
    assert (
        "**Replaced: Volume `data`**; `region` cannot be changed in place: `nyc3` → `ams3`. All data on it is lost."
        in text
    )


def test_a_container_restarts_for_what_it_is_sent() -> None:
    old = release({"image": "redis:8.0.6", "mem_limit": "256m"}, {"redis.conf": "a\n", "same": "b\n"})
    new = release({"image": "redis:8.0.7", "mem_limit": "300m"}, {"redis.conf": "c\n", "same": "b\n"}, password="1")
    text = told(restaged(old, new), switched())
    reasons = "image `redis:8.0.6` → `redis:8.0.7`, its `mem_limit`, file `redis.conf`, secret `password`"
    assert f"### Containers that restart\n\n- **redis**: {reasons}\n\n" in text
    assert "`redis/compose.yml`\n```diff\n" in text
    assert "-    image: redis:8.0.6\n+    image: redis:8.0.7\n" in text
    assert "`redis/redis.conf`\n```diff\n-a\n+c\n```" in text
    assert "`redis/same`" not in text
    assert text.count("known only during the update") == 0, "the switch says nothing of its own"


@pytest.mark.parametrize(
    ("command", "seconds", "told_as"),
    [(switched, "3", "about 3 s away"), (switched, "0", "about 1 s away"), (reloaded, "12", "about 12 s away")],
    ids=["stops first", "at once", "nginx"],
)
def test_a_restart_tells_how_long_the_last_one_took(command: Callable[[], Step], seconds: str, told_as: str) -> None:
    service = command().name
    old, new = (release({"image": image}, service=service) for image in ("a:1", "a:2"))
    steps = restaged(old, new, service)
    line = f"auren-{service} runs 0123456789abcdef, of a:1"
    timed = replace(command(), printed=f"{line}, healthy after {seconds} s\n")
    assert f"- **{service}**: image `a:1` → `a:2`, **{told_as}**\n" in told(steps, timed)
    assert "away" not in told(steps, replace(command(), printed=f"{line} and is healthy\n"))


@pytest.mark.parametrize(
    ("command", "service", "last"),
    [(started_beside, "api", ", **starts beside the old one**"), (switched, "redis", "")],
    ids=["starts first", "stops first"],
)
def test_a_service_whose_machine_was_rolled_back_gets_its_release_again(
    command: Callable[[], Step], service: str, last: str
) -> None:
    again = replace(command(), op="replace", tainted=True)
    text = told(replace(again, new=again.old))
    assert (
        f"- **{service}**: **the machine was rolled back** to an earlier release, and gets this one again{last}\n"
        in text
    )
    assert "which run again on the new machine" not in text


def test_a_rollback_whose_change_was_taken_back_may_run_the_right_release_already() -> None:
    steps = restaged(release({"image": "a:2"}, service="api"), release({"image": "a:1"}, service="api"), "api")
    text = told(steps, replace(started_beside(), op="replace", tainted=True))
    line = "the machine was rolled back, and may run this release already, **starts beside the old one**"
    assert f"- **api**: image `a:2` → `a:1`, {line}\n" in text


@pytest.mark.parametrize(
    ("old", "new", "reasons"),
    [
        (release({"image": "redis:1"}), release({"image": "redis:2"}), "image `redis:1` → `redis:2`"),
        (release({"cpus": 1}), release({"cpus": 2, "user": "1:1"}), "its `cpus`, its `user`"),
        (release(files={"gone": "a\n"}), release(files={"come": "a\n"}), "file `come`, file `gone`"),
        (release(password="1", same="1"), release(password="2", same="1"), "secret `password`"),
        (release(password="1"), release(), "secret `password`"),
        (release(preflight={"command": "a"}), release(preflight={"command": "b"}), "its preflight"),
        (release(), release(preflight={"command": "b"}), "its preflight"),
        (release(), replace(release(), owner="1:1"), "what it is sent"),
        (release(), replace(release(), compose="services: []\n"), "image `redis:1` → `None`, its `labels`"),
        (replace(release(), compose="{\n"), replace(release(), compose="}\n"), "what it is sent"),
    ],
)
def test_each_kind_of_reason_for_a_restart_is_named(old: Release, new: Release, reasons: str) -> None:
    assert f"\n- **redis**: {reasons}\n" in told(restaged(old, new), switched())


def test_a_text_that_is_no_release_is_shown_as_it_is() -> None:
    """The stack may have been deployed by another version of this program."""
    old = sent("stage", "redis", data="redis: another form\n")
    text = told(step(COMMAND, "redis-release", "update", old, staged(release(files={"redis.conf": "a\n"}))))
    assert "- **redis**: what it is sent\n" in text
    assert "`redis/release`\n```diff\n-redis: another form\n```" in text
    assert "`redis/redis.conf`\n```diff\n+a\n```" in text


def test_a_new_service_is_named_and_its_files_are_shown() -> None:
    new = staged(release(files={"redis.conf": "a\n"}, password="1"))
    text = told(step(COMMAND, "redis-release", "create", None, new), switched(first=True))
    assert "### Containers that restart\n\n- **redis**: it is new\n\n" in text
    assert "`redis/redis.conf`\n```diff\n+a\n```" in text
    assert "(known only during the update)" not in text


def test_a_service_with_secrets_is_told_of_before_they_are_generated() -> None:
    """The call has their digests, so a first preview hides it. The text behind it is known."""
    new = staged(release(files={"redis.conf": "a\n"})) | {"create": Hidden.LATER}
    text = told(step(COMMAND, "redis-release", "create", None, new), switched(first=True))
    assert "- **redis**: it is new\n" in text
    assert "`redis/redis.conf`\n```diff\n+a\n```" in text


def test_a_new_service_whose_image_is_built_is_named() -> None:
    for create in (sent("stage", "api")["create"], Hidden.LATER):
        new = {"create": create, "stdin": Hidden.LATER, "connection": Hidden.SECRET}
        text = told(step(COMMAND, "api-release", "create", None, new), switched("api", first=True))
        assert "### Containers that restart\n\n- **api**: it is new\n" in text


def test_a_container_reads_a_secret_that_is_generated_anew() -> None:
    old, new = release(files={"redis.conf": "a\n"}, password="1"), release(files={"redis.conf": "b\n"})
    later = staged(new) | {"create": Hidden.LATER}
    text = told(step(COMMAND, "redis-release", "update", staged(old), later), switched())
    assert "- **redis**: file `redis.conf`, a secret that is generated anew\n" in text
    assert "`redis/redis.conf`\n```diff\n-a\n+b\n```" in text


def test_a_stack_with_a_name_of_its_own_is_told_of_by_its_services() -> None:
    """`auren:name`, as after `pulumi stack rename`. The call cannot be seen while a digest is not known."""
    was, now = release(), release({"image": "redis:2"})
    later = staged(now) | {"create": Hidden.LATER}
    for old in (staged(was), _earlier(staged(was))):
        changed = replace(step(COMMAND, "", "update", old, later), urn="urn:pulumi:prod::auren::x::shop-redis-release")
        assert "- **redis**: image `redis:1` → `redis:2`" in told(changed)
    new = replace(step(COMMAND, "", "create", None, later), urn="urn:pulumi:prod::auren::x::shop-redis-release")
    assert "- **redis**: it is new\n" in told(new)


def test_a_container_that_starts_beside_the_old_one_is_told_of_so() -> None:
    old, new = release(service="api"), release({"image": "api:2"}, service="api")
    text = told(restaged(old, new, "api"), started_beside("api"))
    assert "- **api**: image `api:1` → `api:2`, **starts beside the old one**\n" in text
    assert "`api`" not in text.partition("### Containers")[0], "what it starts is said of the release"


def test_a_container_that_reads_its_files_anew_does_not_restart() -> None:
    old, new = (release(files={"nginx.conf": text}, service="nginx") for text in ("a\n", "b\n"))
    text = told(restaged(old, new, "nginx"), reloaded())
    assert "No container restarts.\n\n### Containers that reload\n\n- **nginx**: file `nginx.conf`\n" in text
    assert "Containers that restart" not in text
    assert "`nginx`" not in text.partition("### On the machine")[0].partition("### Containers")[0]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"specification": {"mem_limit": "300m"}}, "its `mem_limit`, file `nginx.conf`"),
        ({"preflight": {"command": ["nginx", "-t"]}}, "file `nginx.conf`"),
        ({"password": "0123456789ab"}, "file `nginx.conf`, secret `password`"),
    ],
    ids=["limit", "preflight", "secret"],
)
def test_a_container_that_could_reload_restarts_for_any_other_change(more: dict[str, Any], reason: str) -> None:
    old = release(files={"nginx.conf": "a\n"}, service="nginx")
    new = release(**{"files": {"nginx.conf": "b\n"}, "service": "nginx", **more})
    text = told(restaged(old, new, "nginx"), reloaded())
    assert f"### Containers that restart\n\n- **nginx**: {reason}\n" in text
    assert "reload" not in text


def test_triggers_that_cannot_be_seen_are_no_other_release_of_docker() -> None:
    hidden = sent("switch", "redis", "60") | {"triggers": Hidden.LATER}
    assert "No container restarts." in told(step(COMMAND, "redis", "replace", hidden, hidden))


RULES = "*filter\n-A DOCKER-USER -j RETURN\nCOMMIT\n"


def _earlier(inputs: dict[str, Any]) -> dict[str, Any]:
    """As an earlier version sent it, which named no order."""
    return inputs | {"create": re.sub(r"AUREN_ORDER=\S+ ", "", inputs["create"])}


def test_the_update_that_names_orders_first_tells_of_nothing_that_stays() -> None:
    now = release()
    files = bundle.pack({"containers.rules": RULES, "auren-firewall.service": "[Unit]\n"})
    text = told(
        step(COMMAND, "redis-release", "update", _earlier(staged(now)), staged(now)),
        step(COMMAND, "retire", "update", _earlier(sent("retire", data="redis\n")), sent("retire", data="redis\n")),
        step(COMMAND, "redis-secret", "update", _earlier(secret("redis", "a")), secret("redis", "a")),
        step(COMMAND, "f", "update", _earlier(sent("put_file", "/a", data="a\n")), sent("put_file", "/a", data="a\n")),
        step(
            COMMAND,
            "container-firewall",
            "update",
            _earlier(sent("container_firewall", data=RULES)),
            sent("container_firewall", data=files),
        ),
    )
    assert_sound(text)
    assert text == "## What a merge does to `prod`\n\n5 updated.\n\nNo container restarts.\n"


def test_the_update_that_names_orders_first_tells_of_what_changes_with_it() -> None:
    was, now = release(files={"a": "old\n"}), release(files={"a": "new\n"})
    rules = RULES.replace("RETURN", "DROP")
    text = told(
        step(COMMAND, "redis-release", "update", _earlier(staged(was)), staged(now)),
        step(COMMAND, "retire", "update", _earlier(sent("retire", data="a\nb\n")), sent("retire", data="a\n")),
        step(
            COMMAND,
            "container-firewall",
            "update",
            _earlier(sent("container_firewall", data=RULES)),
            sent("container_firewall", data=bundle.pack({"containers.rules": rules, "auren-firewall.service": ""})),
        ),
    )
    assert_sound(text)
    assert "file `a`" in text
    assert "- **Container removed: b**." in text
    differing = [line for line in text.splitlines() if line.startswith(("-", "+")) and not line.startswith("- ")]
    assert differing[:4] == [
        "--A DOCKER-USER -j RETURN",
        "+-A DOCKER-USER -j DROP",
        "-old",
        "+new",
    ]


def test_another_command_that_is_hidden_is_no_new_service() -> None:
    hidden = sent("put_file", "/etc/notes") | {"stdin": Hidden.LATER}
    text = told(
        step(COMMAND, "notes", "create", None, hidden),
        step(COMMAND, "notes-release", "create", None, hidden),
        switched("redis", first=True),
    )
    assert "No container restarts." in text


def test_another_script_restarts_nothing_and_is_shown_once() -> None:
    def update(service: str) -> list[Step]:
        sends = release(service=service)
        changed = script("stage").replace("umask 022", "umask 077")
        old = staged(sends, service, text=changed)
        return [step(COMMAND, f"{service}-release", "update", old, staged(sends, service)), switched(service)]

    text = told(*update("redis"), *update("nginx"))
    assert "No container restarts." in text
    assert text.count("-    umask 077") == 1
    assert "The script `stage.sh`, run again for redis-release, nginx-release\n\n<details>" in text


def test_a_container_whose_image_is_built_may_restart() -> None:
    old = staged(release(service="api"), "api")
    text = told(
        step(COMMAND, "api-release", "update", old, old | {"stdin": Hidden.LATER}),
        switched("api"),
    )
    assert "- **api**: its image is built; whether it changes is known only during the update\n" in text
    assert text.count("! (known only during the update)") == 1


def test_a_service_that_goes_takes_its_container_with_it() -> None:
    text = told(
        step(COMMAND, "retire", "update", sent("retire", data="redis\nkafka-ui\n"), sent("retire", data="redis\n"))
    )
    assert "- **Container removed: kafka-ui**. Its data stays on the volume." in text


def test_a_secret_that_changes_is_named_and_not_shown() -> None:
    hidden = secret("redis", "redis_password")
    text = told(
        step(COMMAND, "redis-redis_password", "update", hidden, hidden, changed=("stdin",)),
        restaged(release(redis_password="0123456789ab"), release(redis_password="ba9876543210")),
    )
    assert "`/opt/auren/services/redis/secrets/redis_password`\n```diff\n! (secret)\n```" in text
    assert "- **redis**: secret `redis_password`\n" in text
    assert "ba9876543210" not in text


def test_a_secret_that_comes_or_goes_is_named_and_is_no_loss() -> None:
    name = "secret.api.model_key"
    come = told(step(COMMAND, name, "create", None, secret("api", "model_key")))
    assert "`/opt/auren/services/api/secrets/model_key`\n```diff\n! (secret), new\n```" in come
    gone = told(step(COMMAND, name, "delete", secret("api", "model_key"), None))
    assert "`/opt/auren/services/api/secrets/model_key`\n```diff\n! (secret), removed\n```" in gone
    assert "**Replaced and deleted**" not in gone


def test_a_container_that_gets_or_loses_a_secret_restarts_for_it_alone() -> None:
    digest = "0123456789ab"
    fewer, more = release(service="api", a=digest), release(service="api", a=digest, b=digest)
    for before, after in ((fewer, more), (more, fewer)):
        text = told(restaged(before, after, "api"), switched("api"))
        assert "- **api**: secret `b`\n" in text
        assert digest not in text


def test_another_way_to_the_machine_is_one_line() -> None:
    steps = [
        step(COMMAND, name, "update", sent("put_file", name), sent("put_file", name), changed=("connection",))
        for name in ("nginx.conf", "redis.conf")
    ]
    text = told(*steps)
    assert "left alone: nginx.conf, redis.conf" in text
    assert "No container restarts." in text


def test_another_argument_is_shown_as_a_call() -> None:
    text = told(
        step(
            COMMAND,
            "docker",
            "update",
            sent("docker_engine", "distribution", "docker.io=26.1"),
            sent("docker_engine", "distribution", "docker.io=28.5"),
        )
    )
    assert "-docker_engine distribution docker.io=26.1\n+docker_engine distribution docker.io=28.5" in text


def test_another_release_of_docker_restarts_every_container() -> None:
    def asked_again(service: str) -> Step:
        inputs = staged(release(service=service), service)
        old, new = (inputs | {"triggers": ["3164494", f"docker-ce {number}"]} for number in (28, 29))
        return step(COMMAND, f"{service}-release", "replace", old, new, replaced_for=("triggers",))

    text = told(asked_again("redis"), asked_again("nginx"), switched("redis"), switched("nginx"))
    assert "- **redis**: another release of Docker\n- **nginx**: another release of Docker" in text
    assert "new machine" not in text


def test_a_command_that_is_told_of_dockers_release_for_the_first_time_restarts_nothing() -> None:
    inputs = staged(release())
    old, new = (inputs | {"triggers": ["3164494", *more]} for more in ((), ("docker-ce 29",)))
    text = told(step(COMMAND, "redis-release", "replace", old, new, replaced_for=("triggers",)), switched())
    assert "No container restarts." in text


def test_few_files_of_a_directory_are_shown_each_for_itself() -> None:
    old = {"index.html": b"<p>old</p>\n", "same.css": b"p {}\n", "logo.png": b"\xff\x01", "gone.ico": b"\0"}
    new = {"index.html": b"<p>new</p>\n", "same.css": b"p {}\n", "logo.png": b"\xff\x02\x03", "empty.txt": b""}
    text = told(website(old, new))
    assert f"`{WEBSITE}/index.html`\n```diff\n-<p>old</p>\n+<p>new</p>\n```" in text
    assert f"`{WEBSITE}/logo.png`\n```diff\n! another file, which is no text: 2 B before, 3 B now\n```" in text
    assert f"`{WEBSITE}/gone.ico`\n```diff\n! the file of 1 B is removed, which was no text\n```" in text
    assert f"`{WEBSITE}/empty.txt`\n```diff\n! an empty file\n```" in text
    assert "same.css" not in text


def _of_image(image: str) -> dict[str, Any]:
    return sent("put_image_tree", WEBSITE, image, "/website", "10000", "256")


IMAGES = [f"{'r' * 200}.org/dashboard:1.{number}.0@sha256:{f'{number}' * 64}" for number in (1, 2)]


def test_another_image_of_the_website_is_told_with_both_digests() -> None:
    text = told(step(COMMAND, "website", "update", *map(_of_image, IMAGES)))
    assert f"### The website\n\n- **website**: image `{IMAGES[0]}` → `{IMAGES[1]}`\n" in text
    assert "No container restarts." in text
    assert "### On the machine" not in text
    assert_sound(text)


def test_a_website_that_comes_from_an_image_from_now_on_or_no_more_is_told() -> None:
    directory = sent("put_tree", WEBSITE, "release", data=packed({"index.html": b"<p>\n"}))
    text = told(step(COMMAND, "website", "update", directory, _of_image(IMAGES[0])))
    assert f"- **website**: its files come from the image `{IMAGES[0]}`, not from this repository\n" in text
    assert "The script" not in text, "it is another command, not another version of it"
    text = told(step(COMMAND, "website", "update", _of_image(IMAGES[0]), directory))
    assert f"- **website**: its files come from this repository, not from the image `{IMAGES[0]}`\n" in text
    assert f"`{WEBSITE}/index.html`\n```diff\n+<p>\n```" in text
    text = told(step(COMMAND, "website", "create", None, _of_image(IMAGES[0])))
    assert f"- **website**: its files come from the image `{IMAGES[0]}`\n" in text


def test_a_website_whose_image_is_the_same_is_not_told_of() -> None:
    old = _of_image(IMAGES[0])
    text = told(step(COMMAND, "website", "update", old, old | {"stdin": "# changed\n" + old["stdin"]}))
    assert "### The website" not in text
    assert "The script `put_image_tree.sh`, run again for website" in text


def test_many_files_of_a_directory_are_counted_with_a_few_examples() -> None:
    kept = {"index.html": b"<p>old</p>\n"}
    old = {f"assets/{number:03}-old.js": b"%d" % number for number in range(400)} | kept
    new = {f"assets/{number:03}-new.js": b"%d" % number for number in range(390)} | {"index.html": b"<p>new</p>\n"}
    new |= {f"assets/{number:03}.css": b"p {}" for number in range(30)}
    text = told(website(old, new))
    assert f"`{WEBSITE}`: 821 files change." in text
    assert "- 1 changed: `index.html`\n- 30 new: `assets/000.css`, `assets/001.css`, " in text
    assert "`assets/004.css` and 25 more\n- 10 removed: `assets/390-old.js`, " in text
    assert "- 390 renamed: `assets/000-old.js` → `assets/000-new.js`, " in text
    assert f"`{WEBSITE}/index.html`\n```diff\n-<p>old</p>\n+<p>new</p>\n```" in text
    assert_sound(text)


def test_where_a_line_is_heads_its_part() -> None:
    old = "services:\n  redis:\n    a: 1\n    b: 2\n    c: 3\n    d: 4\n    mem_limit: 256m\n"
    arguments = ("/opt/auren/docker-compose.prod.yml", "0644", "root:root")
    text = told(
        step(
            COMMAND,
            "compose",
            "update",
            sent("put_file", *arguments, data=old),
            sent("put_file", *arguments, data=old.replace("256m", "300m")),
        )
    )
    assert "@@ services: > redis:\n     b: 2\n" in text


def test_a_firewall_is_shown_rule_by_rule_and_its_tags_beside_them() -> None:
    def firewall(port: str, tag: str) -> dict[str, Any]:
        rules = [{"protocol": "tcp", "portRange": port, "sourceAddresses": ["0.0.0.0/0", "::/0"]}]
        out = [{"protocol": "icmp", "destinationAddresses": ["0.0.0.0/0"]}]
        return {"inboundRules": rules, "outboundRules": out, "tags": [tag]}

    text = told(
        step("digitalocean:index/firewall:Firewall", "auren-prod", "update", firewall("80", "a"), firewall("81", "b"))
    )
    assert "- in tcp 80 from 0.0.0.0/0, ::/0\n+ in tcp 81 from 0.0.0.0/0, ::/0\n" in text
    assert '- tags: ["a"]\n+ tags: ["b"]\n' in text
    assert "icmp" not in text


def test_no_text_can_end_its_block() -> None:
    old, new = sent("put_file", "a.md", data="x\n"), sent("put_file", "a.md", data="```\n# injected\n```\n")
    text = told(step(COMMAND, "a.md", "update", old, new))
    assert "````diff\n-x\n+```\n+# injected\n+```\n````" in text


def test_a_firewall_that_is_opened_is_told_however_many_files_change() -> None:
    old = {f"{number:03}-{'a' * 60}.html": b"<p>\n" * 50 for number in range(420)}
    new = {f"{number:03}-{'b' * 60}.html": b"</p>\n" * 50 for number in range(420)}
    rules = [f"deny in on auren{number}\n" for number in range(3000)]
    text = told(
        website(old, new),
        firewall({"22": ["203.0.113.7"]}, {"22": ["0.0.0.0/0"]}),
        step(
            COMMAND,
            "machine-firewall",
            "update",
            sent("machine_firewall", data="".join(rules)),
            sent("machine_firewall", data="allow from 0.0.0.0/0 to any port 22 proto tcp\n"),
        ),
        *(file(f"file-{number}", "", f"{'x' * 200}\n" * 100) for number in range(200)),
        warnings=["a droplet too small"],
    )
    assert_sound(text)
    assert "### Who may come in\n\n**Opened to everyone:** `tcp 22`\n" in text
    assert "- in tcp 22 from 203.0.113.7\n+ in tcp 22 from 0.0.0.0/0\n" in text
    assert "+allow from 0.0.0.0/0 to any port 22 proto tcp\n" in text
    order = ["a droplet too small", "### Who may come in", "No container restarts.", "### On the machine"]
    assert sorted(order, key=text.index) == order


def test_the_sections_are_in_the_order_of_what_matters() -> None:
    steps = (
        step("digitalocean:index/volume:Volume", "data", "delete", {"region": "nyc3"}, None),
        firewall({}, {"22": ["203.0.113.7"]}),
        step(COMMAND, "redis-release", "create", None, staged(release())),
        step("cloudflare:index/dnsRecord:DnsRecord", "www", "update", {"ttl": 1}, {"ttl": 60}),
        file("/etc/logrotate.d/auren-nginx", "a\n", "b\n"),
    )
    findings = (Finding("untagged", True, "no tag"), Finding("monthly-cost", False, "Waived: for now"))
    text = comment(Preview("prod", False, steps, findings, errors=("it failed",), warnings=("too small",)))
    order = [
        "it failed",
        "### **Refused** by the rules",
        "### Warnings",
        "Rules that are waived",
        "### **Replaced and deleted**",
        "### Who may come in",
        "### Containers that restart",
        "### In the clouds",
        "### On the machine",
    ]
    assert sorted(order, key=text.index) == order
    assert_sound(text)


def test_what_is_left_out_is_named_with_its_number() -> None:
    text = told(*(file(f"file-{number:03}", "", f"{'x' * 200}\n" * 100) for number in range(420)))
    assert re.search(r"\n\n[0-9]+ left out: `file-[0-9]+`, .* and [0-9]+ more\.\n$", text), text[-300:]
    shown = {*re.findall("^`(file-[0-9]+)`$", text, re.MULTILINE)}
    (left_out,) = re.findall("([0-9]+) left out", text)
    assert len(shown) + int(left_out) == 420
    assert_sound(text)


def test_a_long_difference_says_how_many_lines_are_left_out() -> None:
    text = comment(Preview("prod", True, (file("long", "", "x\n" * 3000), file("short", "", "y\n" * 3))), longest=4000)
    assert "`short`\n```diff\n+y\n+y\n+y\n```" in text
    assert "! the rest is left out: 0 more lines before, 2,880 more lines now\n```" in text
    wide = "".join(f"{number:03} {'x' * 200}\n" for number in range(100))
    text = comment(Preview("prod", True, (file("wide", "", wide),)), longest=4000)
    shown = len(re.findall("^\\+[0-9]", text, re.MULTILINE))
    assert f"! {100 - shown} more lines are left out here\n```" in text
    assert_sound(text, 4000)


def test_many_losses_begin_with_the_gravest() -> None:
    records = [step("cloudflare:index/dnsRecord:DnsRecord", f"r{n}", "delete", {}, None) for n in range(400)]
    volume = step("digitalocean:index/volume:Volume", "data", "delete", {"region": "nyc3"}, None)
    text = told(*records, volume, website({"a": b"1"}, {"a": b"2"}))
    assert "### **Replaced and deleted**\n\n- **Deleted: Volume `data`**. All data on it is lost.\n" in text
    shown = text.count("- **Deleted: DnsRecord")
    assert f"\n- {400 - shown} left out: DnsRecord `r{shown}`, " in text
    assert_sound(text)


def test_an_error_is_shown_with_its_beginning_and_its_end() -> None:
    lines = [f"line {number} {'x' * 100}" for number in range(1000)]
    text = comment(Preview("prod", False, errors=("\n".join(lines),)))
    assert "line 0 x" in text
    assert "line 999 x" in text
    assert re.search("\n… [0-9]+ more lines are left out here\n", text)
    assert_sound(text)


def test_no_container_is_said_to_stay_when_the_preview_did_not_get_that_far() -> None:
    droplet = step(DROPLET, "auren-prod", "update", {"size": "a"}, {"size": "b"})
    assert "No container restarts." not in comment(Preview("prod", False, (droplet,)))


def test_a_resize_stops_all_containers() -> None:
    text = told(step(DROPLET, "auren-prod", "update", {"size": "s-2vcpu-4gb"}, {"size": "s-4vcpu-8gb"}))
    assert "### Containers that restart\n\n**All containers stop** while the machine is resized." in text
    assert "No container restarts." not in text


@pytest.mark.parametrize("op", ["create", "update", "replace", "delete"])
def test_a_firewalls_rules_are_told_whatever_becomes_of_it(op: str) -> None:
    old: dict[str, list[str]] = {} if op == "create" else {"22": ["203.0.113.7"]}
    new: dict[str, list[str]] = {} if op == "delete" else {"22": ["0.0.0.0/0"]}
    text = told(firewall(old, new, op))
    assert ("+ in tcp 22 from 0.0.0.0/0\n" in text) == (op != "delete")
    assert ("- in tcp 22 from 203.0.113.7\n" in text) == (op != "create")
    assert ("**Opened to everyone:** `tcp 22`" in text) == (op != "delete")


def test_what_is_opened_to_everyone_is_told_however_many_rules_there_are() -> None:
    open_ports = {str(1000 + number): ["0.0.0.0/0"] for number in range(100)}
    text = told(*(firewall({}, open_ports) for _ in range(300)))
    assert "**Opened to everyone:** `tcp 1000`, `tcp 1001`, " in text
    assert " and 29,995 more\n" in text
    assert_sound(text)


def test_of_a_long_list_of_sources_those_are_told_that_change() -> None:
    many = [f"198.51.100.{number}" for number in range(200)]
    text = told(firewall({"22": many}, {"22": [*many, "203.0.113.7"]}))
    assert "```diff\n+ in tcp 22 from 203.0.113.7\n```" in text
    text = told(firewall({"22": []}, {"22": [*many, "::/0"]}))
    assert "+ in tcp 22 from ::/0, 198.51.100.0, " in text
    assert "+ in tcp 22 from 161 more\n" in text


def test_rules_that_are_known_only_later_are_said_to_be() -> None:
    rules = [{"protocol": "tcp", "portRange": "22", "sourceAddresses": ["203.0.113.7"]}]
    text = told(step(FIREWALL, "f", "update", {"inboundRules": rules}, {"inboundRules": Hidden.LATER}))
    assert "+ inboundRules: (known only during the update)" in text


def test_the_keys_of_those_who_log_in_are_among_who_may_come_in() -> None:
    keys = ("/root/.ssh/operators", "0600", "root:root")
    text = told(
        step(COMMAND, "operators", "update", sent("put_file", *keys), sent("put_file", *keys, data="ssh-ed25519 A\n"))
    )
    assert "### Who may come in\n\n`/root/.ssh/operators`\n```diff\n+ssh-ed25519 A\n```" in text
    assert "### On the machine" not in text


@pytest.mark.parametrize("create", ["echo 'it", "echo it", "echo -- " + "it " * 1_000_000])
def test_a_command_that_is_not_sent_by_the_program_is_a_resource_like_others(create: str) -> None:
    text = told(step(COMMAND, "by-hand", "create", None, {"create": create, "connection": Hidden.SECRET}))
    assert "### In the clouds\n\nCommand `by-hand`, created.\n" in text
    assert f"+ create: {create[:200]}" in text
    assert_sound(text)


def test_what_failed_is_not_told_as_if_it_would_happen() -> None:
    droplet = step(DROPLET, "auren-prod", "update", {"size": "a"}, {"size": "b"})
    refused = Finding("volume-unprotected", True, "Every volume is protected.")
    waived = Finding("image-without-digest", False, "Waived: for now")
    text = comment(Preview("prod", False, (droplet,), (refused, waived), errors=("no such size",), warnings=("small",)))
    assert text.startswith(
        "## The preview for `prod` failed: merged, this would not be deployed\n\n```text\nno such size\n```"
    )
    assert "As far as it came: 1 updated." in text
    assert "### **Refused** by the rules\n\n**volume-unprotected**\n```text\nEvery volume is protected.\n```" in text
    assert "### Warnings\n\n```text\nsmall\n```" in text
    waived = "<details><summary>Rules that are waived, and what they found: <code>image-without-digest</code></summary>"
    assert text.index("### Warnings") < text.index(waived) < text.index("Waived: for now") < text.index("As far as")
    assert_sound(text)


def test_a_rule_that_several_resources_break_is_told_once_with_all_faults() -> None:
    def found(rule: str, *faults: str, reason: str = "") -> Finding:
        lines = [f"The demand of {rule}.", *faults, *([f"Waived: {reason}"] if reason else [])]
        return Finding(rule, not reason, "\n".join(lines))

    refused = (found("limits", "a has none", "a has few"), found("limits", "b has none"), found("tags", "c"))
    waived = (found("image", "a runs 1", reason="later"), found("image", "b runs 2", reason="later"))
    text = comment(Preview("prod", False, (), (*refused, *waived)))
    assert "**limits**\n```text\nThe demand of limits.\na has none\na has few\nb has none\n```" in text
    assert "**tags**\n```text\nThe demand of tags.\nc\n```" in text
    assert "**image**\n```text\nThe demand of image.\na runs 1\nb runs 2\nWaived: later\n```" in text


def test_the_same_fault_of_two_resources_is_told_once() -> None:
    same = Finding("tags", True, "Everything has a tag.\nname one")
    text = comment(Preview("prod", False, (), (same, same)))
    assert "**tags**\n```text\nEverything has a tag.\nname one\n```" in text


@pytest.mark.parametrize("turn", [1, -1])
def test_what_the_rules_found_has_one_order(turn: int) -> None:
    """The engine asks about resources side by side."""
    events = [
        EngineEvent.from_json(
            {
                "sequence": 1,
                "timestamp": 1,
                "policyEvent": {
                    "message": message,
                    "color": "never",
                    "policyName": rule,
                    "policyPackName": "auren",
                    "policyPackVersion": "1",
                    "policyPackVersionTag": "1",
                    "enforcementLevel": "mandatory",
                },
            }
        )
        for rule, message in (("a", "one"), ("a", "two"), ("b", "one"))
    ]
    found = read("prod", True, events[::turn]).findings
    assert [(finding.rule, finding.message) for finding in found] == [("a", "one"), ("a", "two"), ("b", "one")]


@pytest.mark.parametrize("tainted", [True, False])
def test_the_mark_of_a_rollback_is_read_from_the_state(tainted: bool) -> None:
    state = {"type": COMMAND, "urn": "urn:pulumi:prod::auren::c::c", "id": "", "parent": "", "provider": ""}
    metadata = {"op": "replace", "urn": state["urn"], "type": COMMAND, "provider": "", "old": state, "new": state}
    old = state | ({"taint": True} if tainted else {})
    event = {"sequence": 1, "timestamp": 1, "resourcePreEvent": {"metadata": metadata | {"old": old}}}
    (found,) = read("prod", True, [EngineEvent.from_json(event)]).steps
    assert found.tainted == tainted


@pytest.mark.parametrize("value", ["[secret]", "s3cr3t"])
def test_a_secret_property_is_never_printed(value: str) -> None:
    hidden = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": value}
    later = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    state = {"type": DROPLET, "urn": "urn:pulumi:prod::auren::d::d", "id": "", "parent": "", "provider": ""}
    metadata = {
        "op": "update",
        "urn": state["urn"],
        "type": DROPLET,
        "provider": "",
        "old": {**state, "inputs": {"userData": hidden, "a": {"b": [hidden]}, "__defaults": []}},
        "new": {**state, "inputs": {"userData": hidden, "a": later}},
        "diffs": ["userData", "a"],
    }
    event = EngineEvent.from_json({"sequence": 1, "timestamp": 1, "resourcePreEvent": {"metadata": metadata}})
    text = comment(read("prod", True, [event]))
    assert value not in text
    assert "! userData: (secret), and another one than before" in text
    assert '- a: {"b": ["(secret)"]}\n+ a: (known only during the update)' in text
