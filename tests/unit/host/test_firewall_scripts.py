"""container_firewall.sh and machine_firewall.sh: walls that are never down, and never shut the deployment out."""

import pytest

from auren_infra import bundle
from auren_infra.files import systemd
from auren_infra.files.firewall import container_rules, machine_rules
from tests.unit.configuration import blueprint, planned
from tests.unit.host.bench import Bench

RULES = "/etc/auren/containers.rules"
UNIT = "/etc/systemd/system/auren-firewall.service"
CONTAINER_RULES = container_rules(planned(blueprint()))
FILES = systemd.named(systemd.CONTAINER_FIREWALL)

IPTABLES = r"""
case "$*" in
"--wait -C FORWARD -j DOCKER-USER") [ -e "$state/asked" ] ;;
"--wait -S DOCKER-USER") printf '%s\n' '-N DOCKER-USER' '-A DOCKER-USER -j DROP' '-A DOCKER-USER -j RETURN' ;;
*) exit 98 ;;
esac
"""
RESTORE = r"""
[ $# -ne 2 ] || cat >"$state/restored"
if [ "$3" = --test ]; then
    [ ! -e "$state/in place" ] || cmp -s "$state/in place" "$state/../etc/auren/containers.rules" || exit 97
    ! grep -q wrong "$4" || { echo "iptables-restore: line 5 failed" >&2; exit 2; }
fi
"""
"""It refuses what is wrong, and to be asked only when the old rules have gone."""


@pytest.fixture
def host(bench: Bench) -> Bench:
    bench.path(UNIT).parent.mkdir(parents=True)
    bench.stub("iptables-restore", RESTORE)
    bench.stub("iptables", IPTABLES)
    bench.stub("systemctl", '[ "$1" != is-active ] || [ -e "$state/active" ]')
    return bench


def _files(rules: str) -> str:
    return bundle.pack({"containers.rules": rules, **FILES})


def test_the_first_rules_are_put_in_place_and_kept_for_every_boot(host: Bench) -> None:
    done = host.run("container_firewall", data=_files(CONTAINER_RULES))
    assert (done.returncode, done.stdout, done.stderr) == (0, "2 rules\n", "")
    assert host.path(RULES).read_text() == CONTAINER_RULES
    assert host.calls("iptables-restore", "systemctl") == [
        f"iptables-restore --wait --noflush --test {RULES}.new",
        "systemctl daemon-reload",
        "systemctl enable --quiet auren-firewall",
        "systemctl is-active --quiet auren-firewall",
        "systemctl start auren-firewall",
        "iptables-restore --wait --noflush",
    ]


@pytest.mark.parametrize("asked", [True, False])
def test_the_chain_is_asked_before_any_other_rule(host: Bench, asked: bool) -> None:
    """A rule that came before it later would let packets bypass it. It is moved in one step."""
    if asked:
        host.state("asked", "")
    assert host.run("container_firewall", data=_files(CONTAINER_RULES)).returncode == 0
    lines = host.path("/state/restored").read_text().split("\n")
    moved = ["-D FORWARD -j DOCKER-USER"] if asked else []
    assert [line for line in lines if line] == ["*filter", *moved, "-I FORWARD -j DOCKER-USER", "COMMIT"]


def test_changed_rules_take_the_place_of_those_that_are_there(host: Bench) -> None:
    """A restart would take Docker, which requires the unit, with it."""
    host.run("container_firewall", data=_files("*filter\nCOMMIT\n"))
    host.state("active", "")
    host.forget_calls()
    assert host.run("container_firewall", data=_files(CONTAINER_RULES)).returncode == 0
    assert host.path(RULES).read_text() == CONTAINER_RULES
    assert host.calls("systemctl")[-1] == "systemctl reload auren-firewall"
    assert host.calls("systemctl start", "systemctl restart", "systemctl stop") == []


def test_rules_that_are_refused_cost_nothing(host: Bench) -> None:
    """At the next boot, Docker would wait for them in vain."""
    host.run("container_firewall", data=_files(CONTAINER_RULES))
    host.state("active", "")
    host.path("/state/in place").write_text(CONTAINER_RULES)
    host.forget_calls()
    done = host.run("container_firewall", data=_files("wrong\n"))
    assert done.returncode == 2
    assert "iptables-restore: line 5 failed" in done.stderr
    assert host.path(RULES).read_text() == CONTAINER_RULES
    assert host.calls("systemctl") == []


def test_docker_does_not_start_without_the_rules(host: Bench) -> None:
    host.run("container_firewall", data=_files(CONTAINER_RULES))
    unit = host.path(UNIT).read_text().replace(str(host.root), "")
    assert "Before=docker.service\n" in unit
    assert "RequiredBy=docker.service\n" in unit
    assert unit.count(f"=/usr/sbin/iptables-restore --wait --noflush {RULES}\n") == 2, "to start and to reload"
    assert "ExecStop" not in unit, "what has no rule does not pass, whatever becomes of the unit"


def test_a_write_that_was_cut_is_made_good(host: Bench) -> None:
    host.path(RULES).parent.mkdir()
    host.path(f"{RULES}.new").write_text("*filt")
    host.path(f"{UNIT}.new").write_text("[Un")
    assert host.run("container_firewall", data=_files(CONTAINER_RULES)).returncode == 0
    assert host.path(RULES).read_text() == CONTAINER_RULES
    assert [path.name for path in host.path(UNIT).parent.iterdir()] == ["auren-firewall.service"]


UFW = r"""
touch "$state/rules"
added() {
    local text="ufw $*"
    case "$text" in *" comment "*) text="${text% comment *} comment '${text##* comment }'" ;; esac
    text=$(sed -E 's, from (0.0.0.0/0|::/0) to any port 22 proto tcp, 22/tcp,' <<<"$text")
    case "$text" in
    "ufw allow 22/tcp "*) [ "$2" != 22/tcp ] || sed -i '/^ufw allow 22\/tcp /d' "$state/rules" ;;
    esac
    echo "$text"
}
case "$*" in
"show added") echo "Added user rules (see 'ufw status' for running firewall):"; cat "$state/rules" ;;
"status numbered")
    [ -e "$state/on" ] || { echo "Status: inactive"; exit; }
    printf 'Status: active\n\n     To   Action   From\n     --   ------   ----\n'
    sed -E "s/ comment '(.*)'$/  # \\1/" "$state/rules" | awk '{ printf "[%2d] %s\n", NR, $0 }' ;;
"status") [ ! -e "$state/on" ] || echo "Status: active" ;;
"--force delete "*) sed -i "$3d" "$state/rules" ;;
"--force enable") touch "$state/on" ;;
"prepend "*) shift; { added "$@"; cat "$state/rules"; } >"$state/more"; mv "$state/more" "$state/rules" ;;
"allow "* | "deny "*) more=$(added "$@"); echo "$more" >>"$state/rules" ;;
"default "*) ;;
*) echo "ERROR: Invalid syntax" >&2; exit 1 ;;
esac
"""
"""UFW with its rules in a file, as `ufw show added` prints them; it numbers them only when it is on.

A rule for everybody takes the place of the two that allow the same by IPv4 and by IPv6, and of their comments.
"""
CHANGES = ("ufw allow", "ufw deny", "ufw prepend", "ufw --force delete")


@pytest.fixture
def walled(bench: Bench) -> Bench:
    """Somebody has let their own monitoring in, and has said so."""
    bench.stub("ufw", UFW)
    bench.state("rules", BY_HAND)
    return bench


BY_HAND = "ufw allow 9100/tcp\nufw allow from 192.168.7.7 comment 'auren people'"


def _rules(walled: Bench) -> list[str]:
    """Its rules in their order, without our marks."""
    return [line.split(" comment 'auren-")[0] for line in (walled.root / "state/rules").read_text().splitlines()]


def _apply(walled: Bench, rules: str = machine_rules()) -> None:
    done = walled.run("machine_firewall", data=rules)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "Status: active\n")


OURS = ["ufw deny in on docker0", "ufw deny in on auren0"], ["ufw allow 22/tcp"]
"""Before and behind what was there."""


def _as_before(*addresses: str) -> str:
    """The rules of a machine on which UFW named the addresses that may log in."""
    ssh = "".join(f"allow from {address} to any port 22 proto tcp\n" for address in addresses)
    return f"deny in on auren0\n{ssh}"


def test_a_denial_stands_before_what_allows_more(walled: Bench) -> None:
    _apply(walled)
    assert _rules(walled) == [*OURS[0], *BY_HAND.splitlines(), *OURS[1]]


def test_the_way_in_is_there_before_the_wall(walled: Bench) -> None:
    _apply(walled)
    calls = walled.calls("ufw allow", "ufw default", "ufw --force")
    assert calls[0].startswith("ufw allow 22/tcp ")
    assert calls[1:] == [
        "ufw default deny incoming",
        "ufw default allow outgoing",
        "ufw default deny routed",
        "ufw --force enable",
    ]


def test_a_second_run_changes_no_rule(walled: Bench) -> None:
    _apply(walled)
    walled.forget_calls()
    _apply(walled)
    assert walled.calls(*CHANGES) == []


@pytest.mark.parametrize(
    "before", [["198.51.100.1/32", "2001:db8::/32"], ["0.0.0.0/0", "::/0"], ["0.0.0.0/0"], ["198.51.100.1/32"]], ids=str
)
def test_a_machine_that_named_the_operators_addresses_lets_in_all_of_ssh_and_nobody_is_locked_out(
    walled: Bench, before: list[str]
) -> None:
    """Were an old rule deleted first, a cut in the middle would leave no way in."""
    _apply(walled, _as_before(*before))
    walled.forget_calls()
    _apply(walled)
    assert _rules(walled) == [*OURS[0], *BY_HAND.splitlines(), *OURS[1]]
    changes = [call.split(" comment ")[0] for call in walled.calls(*CHANGES)]
    assert changes[:2] == ["ufw prepend deny in on docker0", "ufw allow 22/tcp"]
    assert all(call.startswith("ufw --force delete ") for call in changes[2:])


def test_every_rule_that_is_not_wanted_any_more_goes(walled: Bench) -> None:
    """Each deletion gives those behind it other numbers."""
    _apply(walled, _as_before(*(f"198.51.100.{number}/32" for number in range(1, 12))))
    _apply(walled, _as_before("198.51.100.5/32"))
    assert [rule for rule in _rules(walled) if "port 22" in rule] == [
        "ufw allow from 198.51.100.5/32 to any port 22 proto tcp"
    ]


@pytest.mark.parametrize(("stays", "goes"), [("0.0.0.0/0", "::/0"), ("::/0", "0.0.0.0/0")])
def test_everybody_by_one_protocol_is_not_deleted_with_everybody_by_the_other(
    walled: Bench, stays: str, goes: str
) -> None:
    """UFW shows both as `22/tcp`, and to delete that is to delete both: nobody could log in any more."""
    rule = "allow from {} to any port 22 proto tcp\n".format
    walled.run("machine_firewall", data=rule(stays) + rule(goes))
    assert _rules(walled).count("ufw allow 22/tcp") == 2
    kept = [call.split(" comment ")[1] for call in walled.calls(f"ufw allow from {stays} ")]
    assert walled.run("machine_firewall", data=rule(stays)).returncode == 0
    left = (walled.root / "state/rules").read_text().splitlines()
    assert left == [*BY_HAND.splitlines(), f"ufw allow 22/tcp comment '{kept[0]}'"]


def test_a_run_that_was_cut_is_made_good(walled: Bench) -> None:
    _apply(walled)
    rules = walled.root / "state/rules"
    rules.write_text("".join(line for line in rules.read_text().splitlines(keepends=True) if "22/tcp" not in line))
    _apply(walled)
    assert _rules(walled).count("ufw deny in on auren0") == 1
    assert "ufw allow 22/tcp" in _rules(walled)


def test_a_rule_that_ufw_refuses_shuts_nobody_out(walled: Bench) -> None:
    done = walled.run("machine_firewall", data="deny in on auren0\nalow from 198.51.100.1\n")
    assert done.returncode != 0
    assert "ERROR: Invalid syntax" in done.stderr
    assert walled.calls("ufw --force") == []
