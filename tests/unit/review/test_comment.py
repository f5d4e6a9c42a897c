"""The comment on a pull request, from steps that the engine could report."""

from collections.abc import Mapping
from typing import Any

import pytest

from auren_infra.files.directory import pack
from auren_infra.host.machine import script
from auren_infra.review.comment import comment
from auren_infra.review.preview import Finding, Hidden, Preview, Step

COMMAND = "command:remote:Command"
DROPLET = "digitalocean:index/droplet:Droplet"


def step(
    kind: str, name: str, op: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, **more: Any
) -> Step:
    changed = tuple(key for key in (new or {}) if (old or {}).get(key) != (new or {}).get(key))
    return Step(
        op, f"urn:pulumi:prod::auren::{kind}::auren-prod-{name}", kind, old, new, **{"changed": changed, **more}
    )


def sent(script_name: str, *arguments: str, data: str = "", text: str = "") -> dict[str, Any]:
    """The inputs of a command, as `Machine.run` makes them."""
    create = " ".join(["flock -w 600 /run/lock/auren-it timeout 600 bash -s --", *arguments])
    return {"create": create, "stdin": (text or script(script_name)) + data, "connection": Hidden.SECRET}


def secret(name: str) -> dict[str, Any]:
    return sent("put_file", f"/opt/auren/secrets/{name}") | {"stdin": Hidden.SECRET}


def told(*steps: Step, **more: Any) -> str:
    return comment(Preview("prod", True, steps, **more))


def test_a_deleted_resource_is_told_in_bold_first() -> None:
    record = {"name": "old.aupex.ai", "type": "A"}
    text = told(
        step("cloudflare:index/dnsRecord:DnsRecord", "old.aupex.ai", "delete", record, None),
        step(DROPLET, "auren-prod", "update", {"size": "s-2vcpu-4gb"}, {"size": "s-4vcpu-8gb"}),
    )
    assert "**1 deleted**, 1 updated." in text
    assert "- **Deleted: DnsRecord `old.aupex.ai`**." in text
    assert text.index("**Deleted:") < text.index("- size: s-2vcpu-4gb")
    assert "The machine is shut down, resized and started again." in text


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
    old = "redis:\n  image: redis:8.0.6\n  mem_limit: 256m\n# redis.conf 0123456789ab\n"
    new = "redis:\n  image: redis:8.0.7\n  mem_limit: 300m\n# redis.conf ba9876543210\n"
    new += "# /opt/auren/secrets/redis/redis_password 0123456789ab\n"
    text = told(
        step(
            COMMAND,
            "redis",
            "update",
            sent("container", "redis", "60", data=old),
            sent("container", "redis", "60", data=new),
        )
    )
    reasons = "image `redis:8.0.6` → `redis:8.0.7`, its `mem_limit`, secret `redis/redis_password`, file `redis.conf`"
    assert f"| redis | {reasons} |" in text


def test_another_script_restarts_nothing_and_is_shown_once() -> None:
    def update(service: str) -> Step:
        data = f"{service}:\n  image: {service}:1\n"
        new = sent("container", service, "60", data=data)
        changed = script("container").replace("sleep 0.3", "sleep 0.5")
        return step(COMMAND, service, "update", sent("container", service, "60", data=data, text=changed), new)

    text = told(update("redis"), update("nginx"))
    assert "No container restarts." in text
    assert text.count("-        sleep 0.5") == 1
    assert "The script <code>container.sh</code>, run again for redis, nginx" in text


def test_a_container_whose_image_is_built_may_restart() -> None:
    new = sent("container", "api", "60") | {"stdin": Hidden.LATER}
    text = told(step(COMMAND, "api", "update", sent("container", "api", "60", data="api:\n  image: api:1\n"), new))
    assert "| api | its image is built; whether it changes is known only during the update |" in text
    assert "(known only during the update)" in text


def test_a_service_that_goes_takes_its_container_with_it() -> None:
    text = told(
        step(COMMAND, "retire", "update", sent("retire", data="redis\nkafka-ui\n"), sent("retire", data="redis\n"))
    )
    assert "- **Container removed: kafka-ui**. Its data stays on the volume." in text


def test_a_secret_that_changes_is_named_and_not_shown() -> None:
    text = told(
        step(
            COMMAND, "redis-password", "update", secret("redis/password"), secret("redis/password"), changed=("stdin",)
        )
    )
    assert "`/opt/auren/secrets/redis/password`\n```diff\n! (secret)\n```" in text


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
        inputs = sent("container", service, "60", data=f"{service}:\n  image: {service}:1\n")
        old, new = (inputs | {"triggers": ["3164494", f"docker-ce {number}"]} for number in (28, 29))
        return step(COMMAND, service, "replace", old, new, replaced_for=("triggers",))

    text = told(asked_again("redis"), asked_again("nginx"))
    assert "| redis | another release of Docker |\n| nginx | another release of Docker |" in text
    assert "new machine" not in text


def test_a_command_that_is_told_of_dockers_release_for_the_first_time_restarts_nothing() -> None:
    inputs = sent("container", "redis", "60", data="redis:\n  image: redis:1\n")
    old, new = (inputs | {"triggers": ["3164494", *more]} for more in ((), ("docker-ce 29",)))
    text = told(step(COMMAND, "redis", "replace", old, new, replaced_for=("triggers",)))
    assert "No container restarts." in text


def test_files_of_a_directory_are_shown_each_for_itself(tmp_path: Any) -> None:
    def packed(**files: bytes) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return pack(folder)

    old = packed(**{"index.html": b"<p>old</p>\n", "same.css": b"p {}\n", "logo.png": b"\xff\x01"})
    new = packed(**{"index.html": b"<p>new</p>\n", "same.css": b"p {}\n", "logo.png": b"\xff\x02"})
    where = "/opt/auren/website"
    text = told(
        step(COMMAND, "website", "update", sent("put_tree", where, data=old), sent("put_tree", where, data=new))
    )
    assert f"`{where}/index.html`\n```diff\n-<p>old</p>\n+<p>new</p>\n```" in text
    assert f"`{where}/logo.png`\n```diff\n! another file, which is no text\n```" in text
    assert "same.css" not in text


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


def test_a_comment_that_is_too_long_leaves_out_its_longest_differences_and_says_so() -> None:
    def file(name: str, lines: int) -> Step:
        text = "".join(f"{name} {number}\n" for number in range(lines))
        return step(COMMAND, name, "update", sent("put_file", name), sent("put_file", name, data=text))

    preview = Preview("prod", True, (file("long", 3000), file("short", 3)))
    text = comment(preview, longest=2000)
    assert len(text) <= 2000
    assert "`long`: 3000 lines, too many to show here." in text
    assert "+short 2\n" in text
    assert "+long 2999\n" in comment(preview)


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
    assert text.index("<details><summary>Rules that are waived") < text.index("Waived: for now")


@pytest.mark.parametrize("value", ["[secret]", "s3cr3t"])
def test_a_secret_property_is_never_printed(value: str) -> None:
    from pulumi.automation.events import EngineEvent

    from auren_infra.review.preview import read

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
