"""The changes that are deployed under load: what is prepared before, and the change itself."""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from auren_infra.files.paths import SLOTS
from bench.droplet import Droplet
from bench.engine import BenchError, Pulumi
from sandbox import environment, layout
from sandbox.registry import without_tag
from sandbox.stack_config import IMAGES_KEY, LOCAL

MANY = 100_000
LOAD: Mapping[str, object] = {"auren:apiRequestsPerSecond": MANY, "auren:apiRequestBurst": 10_000}
"""For nginx the whole load is one visitor."""
WEBSITE_KEY = "auren:website"
PAGE = "index.html"
ENDS = "until [ -e {slots}/api-green ]; do sleep 0.2; done; docker kill auren-api-green"
"""A container that was healthy, and ends as soon as visitors are led to it."""
SICKENS = r"""
until [ -e {slots}/api-green ]; do sleep 0.2; done
pid=$(docker inspect --format '{{{{.State.Pid}}}}' auren-api-green)
nsenter --net=/proc/$pid/ns/net iptables -A INPUT -i lo -p tcp --dport 8080 -j REJECT
"""
"""A container that was healthy, and whose health check fails as soon as visitors are led to it. It answers them."""


@dataclass(frozen=True)
class Scene:
    """The stack `local`, ready for load: its API runs in the first slot."""

    stack: Pulumi
    machine: Droplet
    directory: Path
    """For the files of configurations and websites."""

    def configured(self, changes: Mapping[str, object] | None = None) -> Pulumi:
        return self.stack.configured(self.directory / "stack.yaml", {**LOAD, **(changes or {})})

    def images(self, **services: str) -> Pulumi:
        entries = self.image_entries() | services
        return self.configured({IMAGES_KEY: [f"{name}={image}" for name, image in entries.items()]})

    def image_entries(self) -> dict[str, str]:
        return dict(entry.split("=", 1) for entry in self.stack.configuration()[IMAGES_KEY])

    def other_name(self, service: str) -> str:
        return without_tag(self.image_entries()[service])


Prepared = contextlib.AbstractContextManager[Callable[[], object]]


@dataclass(frozen=True)
class Change:
    title: str
    prepare: Callable[[Scene], Prepared]
    """While the context is open, what it has yielded makes the change."""


@contextlib.contextmanager
def _image(scene: Scene, service: str) -> Iterator[Callable[[], object]]:
    yield scene.images(**{service: scene.other_name(service)}).update


@contextlib.contextmanager
def _api_setting(scene: Scene) -> Iterator[Callable[[], object]]:
    """The API may read one more secret."""
    stack = scene.configured({"auren:serviceSecrets": ["bench_key=api"]})
    stack.run("config", "set", "--secret", "--path", "auren:secrets.bench_key", "a secret of the bench")
    yield stack.update


@contextlib.contextmanager
def _nginx_setting(scene: Scene) -> Iterator[Callable[[], object]]:
    yield scene.configured({"auren:apiRequestsPerSecond": MANY - 1}).update


@contextlib.contextmanager
def _website(scene: Scene) -> Iterator[Callable[[], object]]:
    website = scene.directory / "website"
    shutil.copytree(layout.PROJECT / scene.stack.configuration().get(WEBSITE_KEY, "website"), website)
    (website / PAGE).write_text((website / PAGE).read_text() + "<!-- changed -->\n")
    yield scene.configured({WEBSITE_KEY: str(website)}).update


@contextlib.contextmanager
def _rollback(scene: Scene) -> Iterator[Callable[[], object]]:
    scene.images(api=scene.other_name("api")).update()

    def act() -> None:
        done = subprocess.run(
            [sys.executable, "-m", "auren_infra", "rollback", "--service", "api", "--stack", LOCAL],
            cwd=layout.PROJECT,
            env=environment.complete(LOCAL),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if done.returncode:
            raise BenchError(f"The rollback failed:\n{done.stdout}{done.stderr}")

    yield act


@contextlib.contextmanager
def _broken(scene: Scene) -> Iterator[Callable[[], object]]:
    stack = scene.images(api=scene.image_entries()["redis"])
    yield lambda: _refused(stack, "api did not become healthy")


@contextlib.contextmanager
def _fails_later(scene: Scene, script: str) -> Iterator[Callable[[], object]]:
    stack = scene.images(api=scene.other_name("api"))

    def act() -> None:
        with scene.machine.beside("sh", "-c", script.format(slots=SLOTS)):
            _refused(stack, "api became healthy and took over. Then it")

    yield act


def _refused(stack: Pulumi, words: str) -> None:
    """The update fails, and with these words."""
    try:
        stack.update()
    except BenchError as error:
        if words not in str(error):
            raise
    else:
        raise BenchError("The machine accepted an image that does not work.")


CHANGES = {
    "api": Change("An API deployment", lambda scene: _image(scene, "api")),
    "api-setting": Change("An API setting", _api_setting),
    "nginx-setting": Change("An nginx setting", _nginx_setting),
    "nginx-image": Change("Another image of nginx", lambda scene: _image(scene, "nginx")),
    "website": Change("A dashboard release", _website),
    "bridge": Change("A Bridge image", lambda scene: _image(scene, "bridge")),
    "rollback": Change("A rollback of the API", _rollback),
    "broken": Change("A broken image of the API", _broken),
    "unhealthy-later": Change("One whose health check fails later", lambda scene: _fails_later(scene, SICKENS)),
    "ends-later": Change("One that ends after it took over", lambda scene: _fails_later(scene, ENDS)),
}
