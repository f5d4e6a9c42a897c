"""The image registry that droplets pull from: Debian's docker-registry, twice on one storage.

Droplets reach it as https://registry.sandbox.test at this machine's address on their network: read-only, with a
certificate that they verify, as they would a registry on the internet. This machine's Docker daemon pushes through
plain HTTP on loopback. The storage is content-addressed and outlives the cloud: a digest stays good for ever, and an
image that is no longer built breaks nobody who still runs it. The package's own service (port 5000) is not used.
"""

import json
import os
import re
import secrets
import shutil
import ssl
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import docker
import httpx
from docker.errors import APIError

from sandbox import layout
from sandbox.processes import BackgroundProcess
from sandbox.registry_place import HERE, Place, is_running
from sandbox.server_certificates import ensure_certificates

__all__ = ["HERE", "Place", "is_running", "published_digest", "push_images", "push_repository", "start", "stop"]

NAMESPACE = "auren"
"""Images are called `registry.sandbox.test/auren/NAME`."""
BINARY = "docker-registry"
START_SECONDS = 15
PUSH_SECONDS = 600


class RegistryError(RuntimeError):
    """The registry failed; the text says why and what to do."""


def start(place: Place = HERE) -> None:
    """Start both registries, and return when they answer. A running one is left alone."""
    if shutil.which(BINARY) is None:
        raise RegistryError(f"{BINARY} is not installed: apt-get install docker-registry")
    ensure_certificates(place.state, "registry", [layout.REGISTRY_HOST], place.pull.rpartition(":")[0])
    place.storage.mkdir(parents=True, exist_ok=True)
    for name, configuration in (("push", _push_door(place)), ("pull", _pull_door(place))):
        door = place.door(name)
        if door.pid() is None:
            # JSON is YAML. 0600: the secret that signs unfinished uploads is in it.
            _write(place.state / f"{name}.json", json.dumps(configuration, indent=2))
            door.start([BINARY, "serve", str(place.state / f"{name}.json")])
        _await_answer(place, name, door)


def stop(place: Place = HERE) -> None:
    for name in ("pull", "push"):
        place.door(name).stop(10)


def push_images(
    images: Mapping[str, str], place: Place = HERE, progress: Callable[[str], None] = lambda _: None
) -> dict[str, str]:
    """Push the `images` (service: local reference, `…:TAG`) that the registry lacks. The registry must be running.

    Returns each service's reference for droplets: `registry.sandbox.test/auren/NAME:TAG@sha256:…`.
    """
    tags = {name: reference.rpartition(":")[2] for name, reference in images.items()}
    lacking = [name for name in images if published_digest(name, tags[name], place) is None]
    with closing(docker.from_env(timeout=PUSH_SECONDS)) as client, ThreadPoolExecutor(max_workers=2) as pool:
        futures = [pool.submit(_push, client, name, images[name], place, progress) for name in lacking]
        for future in futures:
            future.result()
    return {
        name: f"{layout.REGISTRY_HOST}/{NAMESPACE}/{name}:{tag}@{_served_digest(name, tag, place)}"
        for name, tag in tags.items()
    }


def published_digest(name: str, tag: str, place: Place = HERE) -> str | None:
    """The digest under which the storage holds an image; works while the registry is stopped."""
    root = place.storage / "docker/registry/v2"
    try:
        digest = (root / f"repositories/{NAMESPACE}/{name}/_manifests/tags/{tag}/current/link").read_text().strip()
    except OSError:
        return None
    algorithm, _, value = digest.partition(":")
    if not re.fullmatch(r"[0-9a-f]{64}", value):
        return None
    return digest if (root / "blobs" / algorithm / value[:2] / value / "data").exists() else None


def without_tag(reference: str) -> str:
    """The same image by its digest alone: to Docker, and so to a deployment, another one."""
    repository, digest = reference.split("@")
    return f"{repository.rpartition(':')[0]}@{digest}"


def push_repository(name: str, place: Place = HERE) -> str:
    """The name of an image in this machine's daemon while it is pushed."""
    return f"{place.push}/{NAMESPACE}/{name}"


def _push(
    client: docker.DockerClient, name: str, reference: str, place: Place, progress: Callable[[str], None]
) -> None:
    progress(f"pushing {name}")
    repository, tag = push_repository(name, place), reference.rpartition(":")[2]
    try:
        client.api.tag(reference, repository, tag)
        # No login: without an empty one the client would look for credentials in the user's own configuration.
        for line in client.api.push(repository, tag, stream=True, decode=True, auth_config={}):
            if "error" in line:
                raise RegistryError(f"the image {name} could not be pushed to {place.push}: {line['error']}")
        client.api.remove_image(f"{repository}:{tag}")
    except APIError as error:
        raise RegistryError(f"the image {name} could not be pushed to {place.push}: {error.explanation}") from None


def _served_digest(name: str, tag: str, place: Place) -> str:
    """Ask the registry itself, since an image in an unreadable storage is not published."""
    accept = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"
    url = f"http://{place.push}/v2/{NAMESPACE}/{name}/manifests/{tag}"
    try:
        with httpx.Client(trust_env=False, timeout=30) as client:
            response = client.head(url, headers={"Accept": accept})
    except httpx.TransportError as error:
        raise RegistryError(f"the registry does not answer at {place.push}: {error}") from None
    digest = response.headers.get("Docker-Content-Digest")
    if response.status_code != 200 or not digest:
        raise RegistryError(
            f"the registry answers {response.status_code} for {name}:{tag}; its storage is {place.storage}: "
            "remove that folder and start again"
        )
    return digest


def _push_door(place: Place) -> dict[str, object]:
    return _configuration(place, {"addr": place.push, "secret": secrets.token_hex(32)}, read_only=False)


def _pull_door(place: Place) -> dict[str, object]:
    tls = {
        "certificate": str(place.state / "server.pem"),
        "key": str(place.state / "server.key"),
        "minimumtls": "tls1.2",
    }
    http = {"addr": place.pull, "secret": secrets.token_hex(32), "tls": tls}
    return _configuration(place, http, read_only=True)


def _configuration(place: Place, http: dict[str, object], *, read_only: bool) -> dict[str, object]:
    return {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(place.storage)},
            "maintenance": {"readonly": {"enabled": read_only}},
        },
        "http": http,
    }


def _await_answer(place: Place, name: str, door: BackgroundProcess) -> None:
    verify = ssl.create_default_context(cafile=str(place.authority)) if name == "pull" else False
    url = f"https://{place.pull}/v2/" if name == "pull" else f"http://{place.push}/v2/"
    deadline = time.monotonic() + START_SECONDS
    fault = ""
    with httpx.Client(verify=verify, trust_env=False, timeout=5) as client:
        while time.monotonic() < deadline:
            try:
                if client.get(url).status_code == 200:
                    return
            except httpx.TransportError as error:
                fault = str(error)
            # Only after a while, because a new process has no command line at first.
            time.sleep(0.1)
            if door.pid() is None:
                fault = "it ended"
                break
    lines = "\n  ".join(door.last_lines(8))
    raise RegistryError(
        f"the {door.name} does not answer at {url}: {fault}. Is the port free, and the address this "
        f"machine's own? Its log, {door.log}, ends with:\n  {lines}"
    )


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
