"""log_rotation.sh: the rule is in its place, and looked at every hour."""

from tests.unit.host.bench import Bench

RULE = "/mnt/auren-data/nginx-logs/*.log {\n    daily\n}\n"


def test_the_rule_is_put_whole_and_looked_at_every_hour(bench: Bench) -> None:
    bench.stub("systemctl")
    for _ in range(2):
        done = bench.run("log_rotation", data=RULE)
        assert done.returncode == 0, done.stderr
        rule = bench.path("/etc/logrotate.d/auren-nginx")
        assert rule.read_text() == RULE
        assert rule.stat().st_mode & 0o777 == 0o644, "logrotate refuses one that others may write"
        assert [path.name for path in rule.parent.iterdir()] == ["auren-nginx"], "logrotate reads all that is there"
        timer = bench.path("/etc/systemd/system/logrotate.timer.d/auren.conf").read_text()
        assert timer.startswith("[Timer]\nOnCalendar=\nOnCalendar=hourly\n"), (
            "without the empty one, daily stays as well"
        )
        assert bench.calls("systemctl") == [
            "systemctl daemon-reload",
            "systemctl enable --quiet logrotate.timer",
            "systemctl restart logrotate.timer",
        ]
        bench.forget_calls()
