"""Requests a second through AUREN's nginx, beside a stock nginx container with default settings.

Both run from the same image, with the same limits, at the same address, in turns: who may talk to the API goes by
address. The load comes from the droplet's own side of the containers' network. AUREN's limits for one visitor are set
as high as they go, since a load is one visitor; they are still worked out for every request.
"""

import contextlib
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from auren_infra.blueprint import describe
from auren_infra.files.paths import PROJECT
from auren_infra.placement import Instance
from auren_infra.services.model import NETWORK_NAME, Service
from auren_infra.settings import load
from bench import droplet, engine
from bench.droplet import Droplet
from bench.engine import BenchError, Pulumi
from bench.results import Comparison, Measured, Series, Unit
from sandbox import packages

WRK = packages.Program("wrk", "wrk", "the load")
SECONDS = 5
CONNECTIONS = 32
STOCK = "auren-bench-nginx"
STOCK_FILE = "/tmp/auren-bench-nginx.conf"
UNLIMITED = {"auren:apiRequestsPerSecond": 100_000, "auren:apiRequestBurst": 10_000}
STATIC = "/style.css"
RANGES = "/api/biometrics/ranges"
EVENT = {"user_id": "bench", "type": "heart_rate", "value": 60}


@dataclass(frozen=True)
class Site:
    machine: Droplet
    nginx: Service
    api: Service

    def url(self, path: str) -> str:
        return f"http://{Instance(self.nginx).address}{path}"

    def add_event(self) -> str:
        """The path that reads it: from Redis, once it was read."""
        post = ("curl", "-fsS", "--json", json.dumps(EVENT), self.url("/api/events"))
        return f"/api/events/{json.loads(self.machine.run(*post))['id']}"

    @contextlib.contextmanager
    def stock(self) -> Iterator[None]:
        """The stock container in the place of AUREN's."""
        limits = self.nginx.limits
        self.machine.run("docker", "stop", Instance(self.nginx).container)
        try:
            self.machine.run(
                *("docker", "run", "--detach", "--name", STOCK),
                *("--network", NETWORK_NAME, "--ip", str(Instance(self.nginx).address)),
                *("--memory", f"{limits.memory_mb}m", "--memory-swap", f"{limits.memory_mb}m"),
                *("--cpus", str(limits.cpus), "--pids-limit", str(limits.pids)),
                *("--ulimit", f"nofile={limits.open_files}"),
                *("--volume", f"{STOCK_FILE}:/etc/nginx/conf.d/default.conf:ro"),
                *(f"--volume={PROJECT}/{one.source}:{one.target}:ro" for one in self.nginx.directories),
                self.nginx.image,
            )
            yield
        finally:
            self.machine.run("sh", "-c", f"docker rm --force {STOCK}; docker start {Instance(self.nginx).container}")

    def rate(self, path: str) -> float:
        """Requests a second, all of them answered well."""
        self.machine.run("curl", "-fsS", "--retry", "30", "--retry-all-errors", "--retry-delay", "1", self.url(path))
        load = ("wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{SECONDS}s", self.url(path))
        done = subprocess.run(
            [*self.machine.inside(), *load], capture_output=True, text=True, check=False, timeout=SECONDS + 60
        )
        found = re.search(r"^Requests/sec:\s+([\d.]+)", done.stdout, re.MULTILINE)
        if found is None or "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
            raise BenchError(f"{path} was not always answered well:\n{done.stdout}{done.stderr}")
        return float(found[1])


def measure(repetitions: int) -> Measured:
    stack = engine.local()
    if shutil.which(WRK.name) is None:
        packages.install([WRK], print)
    site = _site(stack)
    rates: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="auren-bench-nginx-") as directory, _alone(site):
        try:
            stack.configured(Path(directory, "stack.yaml"), UNLIMITED).update()
            paths = {"static": STATIC, "api": site.add_event(), "kept": RANGES}
            for _ in range(repetitions):
                _take(site, "ours", paths, rates)
                with site.stock():
                    _take(site, "stock", paths, rates)
        finally:
            stack.update()
    return Measured(
        comparisons=(
            _comparison("A static file", "static", 0.95, rates),
            _comparison("A proxied API call", "api", 1.5, rates),
            _comparison("One that may be kept", "kept", 1.5, rates),
        )
    )


def _take(site: Site, server: str, paths: Mapping[str, str], rates: dict[tuple[str, str], list[float]]) -> None:
    for what, path in paths.items():
        rate = site.rate(path)
        rates.setdefault((server, what), []).append(rate)
        print(f"  {server}, {what}: {rate:.0f} requests/s")


def _comparison(title: str, what: str, goal: float, rates: Mapping[tuple[str, str], list[float]]) -> Comparison:
    return Comparison(
        title=title,
        ours=Series(what="through AUREN's nginx", samples=tuple(rates["ours", what])),
        other=Series(what="through a stock nginx container", samples=tuple(rates["stock", what])),
        unit=Unit.REQUESTS,
        goal=goal,
    )


def _site(stack: Pulumi) -> Site:
    texts = {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in stack.configuration().items()
    }
    services = {service.name: service for service in describe(load(texts)).services}
    return Site(droplet.local(), services["nginx"], services["api"])


@contextlib.contextmanager
def _alone(site: Site) -> Iterator[None]:
    """The stock server's file is there, and nobody starts what is stopped."""
    stock = Path(__file__).with_name("stock_nginx.conf").read_text()
    text = stock.replace("@API@", f"{Instance(site.api).address}:{site.api.port}")
    site.machine.run("systemctl", "stop", "auren-watchdog")
    try:
        site.machine.run("tee", STOCK_FILE, stdin=text)
        yield
    finally:
        site.machine.run("rm", "-f", STOCK_FILE)
        site.machine.run("systemctl", "start", "auren-watchdog")
