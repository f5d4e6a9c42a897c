"""log_rotation.sh: the ids have a name, the rule is accepted and in its place, and it is looked at every hour."""

import subprocess

import pytest

from auren_infra import bundle
from auren_infra.files import systemd
from tests.unit.host.bench import Bench

RULE = "/mnt/auren-data/nginx-logs/*.log {\n    daily\n}\n"
USER = ("auren-101-101", "101", "101")
GETENT = 'grep "^$2:" "$state/$1" 2>/dev/null'
ADD = {
    "groupadd": 'echo "${@: -1}:x:101:" >>"$state/group"',
    "useradd": 'echo "${@: -1}:x:101:101::/nonexistent:/usr/sbin/nologin" >>"$state/passwd"',
}


@pytest.fixture
def host(bench: Bench) -> Bench:
    bench.stub("systemctl")
    bench.stub("logrotate", 'if grep -q wrong "${@: -1}"; then echo "error: FILE:1 unknown option" >&2; exit 1; fi')
    bench.stub("getent", GETENT)
    for name, body in ADD.items():
        bench.stub(name, body)
    return bench


def _rotate(host: Bench, rule: str = RULE) -> subprocess.CompletedProcess[str]:
    return host.run(
        "log_rotation", *USER, data=bundle.pack({"auren-nginx": rule, **systemd.named(systemd.HOURLY_ROTATION)})
    )


def test_the_rule_is_put_whole_and_looked_at_every_hour(host: Bench) -> None:
    for _ in range(2):
        done = _rotate(host)
        assert done.returncode == 0, done.stderr
        rule = host.path("/etc/logrotate.d/auren-nginx")
        assert rule.read_text() == RULE
        assert rule.stat().st_mode & 0o777 == 0o644, "logrotate refuses one that others may write"
        assert [path.name for path in rule.parent.iterdir()] == ["auren-nginx"], "logrotate reads all that is there"
        timer = host.path("/etc/systemd/system/logrotate.timer.d/auren.conf").read_text()
        assert timer.startswith("[Timer]\nOnCalendar=\nOnCalendar=hourly\n"), (
            "without the empty one, daily stays as well"
        )
        assert host.calls("systemctl") == [
            "systemctl daemon-reload",
            "systemctl enable --quiet logrotate.timer",
            "systemctl restart logrotate.timer",
        ]
        host.forget_calls()


def test_nginxs_ids_get_a_name_once(host: Bench) -> None:
    """They may have another one already: on one system 101 is a service of its own, on another nobody."""
    host.state("passwd", "messagebus:x:101:101::/nonexistent:/usr/sbin/nologin")
    host.state("group", "_ssh:x:101:")
    for _ in range(2):
        assert _rotate(host).returncode == 0
    user = "--no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin auren-101-101"
    assert host.calls("groupadd", "useradd") == [
        "groupadd --system --non-unique --gid 101 auren-101-101",
        f"useradd --system --non-unique --uid 101 --gid auren-101-101 {user}",
    ]


def test_a_rule_that_logrotate_would_leave_out_is_an_error(host: Bench) -> None:
    """By itself it says so to nobody, and the logs grow until the disk is full."""
    _rotate(host)
    done = _rotate(host, "wrong\n")
    assert done.returncode == 1
    assert "error: FILE:1 unknown option\nlogrotate does not accept the new rule" in done.stderr
    assert host.path("/etc/logrotate.d/auren-nginx").read_text() == RULE
