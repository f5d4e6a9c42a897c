"""The Docker daemon that builds and pushes, and the registries that it is logged in to."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import docker
from docker.errors import APIError, DockerException

from sandbox.plugins.docker.context import Context
from sandbox.plugins.resource import RefusedError
from sandbox.plugins.values import Values

SILENCE = 1800
"""Seconds that a step of a build may go without a word."""
DOCKER_HUB = "docker.io"

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Login:
    """Who one is at a registry, which is named by its host, without a scheme."""

    server: str
    username: str
    password: str = field(repr=False)


class Daemon:
    """The daemon that `docker:host` names, or DOCKER_HOST, or the usual socket."""

    def __init__(self) -> None:
        self._environment: dict[str, str] = {}
        self._logins: tuple[Login, ...] = ()

    def configure(self, configuration: Values) -> None:
        """Called before any use; refuses at once, in a preview too, when no daemon answers."""
        self._environment = {**os.environ}
        if host := configuration.get("host"):
            self._environment["DOCKER_HOST"] = host
        self._logins = tuple(_logins(configuration.get("registryAuth") or []))
        if not configuration.get("disableDockerDaemonCheck"):
            with self.client():
                pass

    @contextmanager
    def client(self, *logins: Login) -> Iterator[docker.APIClient]:
        """A client for one operation. It has these logins and those of `docker login` on this machine."""
        try:
            client = docker.from_env(timeout=SILENCE, environment=self._environment).api
        except DockerException as error:
            host = self._environment.get("DOCKER_HOST", "the usual socket")
            raise RefusedError(f"failed to connect to any docker daemon; tried {host}: {error}") from error
        with closing(client):
            for login in (*self._logins, *logins):
                _log_in(client, login)
            yield client


def build(client: docker.APIClient, name: str, inputs: Values, progress: Progress) -> str:
    """Build an image and name it; returns its id."""
    with Context.of(inputs).archive() as (archive, dockerfile):
        try:
            messages = client.build(
                fileobj=archive,
                custom_context=True,
                dockerfile=dockerfile,
                tag=name,
                buildargs=dict(inputs.get("args", {})),
                target=inputs.get("target"),
                platform=inputs.get("platform"),
                network_mode=inputs.get("network"),
                extra_hosts=inputs.get("addHosts"),
                rm=True,
                decode=True,
            )
            for message in messages:
                _raise_fault(message, f"the image {name} could not be built")
                for line in message.get("stream", message.get("status", "")).splitlines():
                    if line.strip():
                        progress(line.strip())
            return client.inspect_image(name)["Id"]
        except DockerException as error:
            raise RefusedError(f"the image {name} could not be built: {_words(error)}") from error


def push(client: docker.APIClient, name: str, progress: Progress) -> str:
    """Give an image to its registry; returns `REPOSITORY@DIGEST`, the digest as the registry took it."""
    repository, tag = split(name)
    digest = None
    try:
        for message in client.push(repository, tag=tag, stream=True, decode=True):
            _raise_fault(message, f"the image {name} could not be pushed")
            digest = message.get("aux", {}).get("Digest", digest)
            if "status" in message and not message.get("progressDetail"):
                progress(": ".join(filter(None, (message.get("id"), message["status"]))))
    except DockerException as error:
        raise RefusedError(f"the image {name} could not be pushed: {_words(error)}") from error
    if digest is None:
        raise RefusedError(f"the image {name} was pushed, but the Docker daemon did not tell its digest")
    return f"{repository}@{digest}"


def split(name: str) -> tuple[str, str]:
    """`REPOSITORY[:TAG]` as its parts; Docker's own default is `latest`."""
    repository, colon, tag = name.rpartition(":")
    return (repository, tag) if colon and "/" not in tag else (name, "latest")


def registry_of(name: str) -> str | None:
    """The host of a fully qualified image name; None when it does not name one."""
    host, slash, _ = name.partition("/")
    return host if slash and ("." in host or ":" in host or host == "localhost") else None


def host_of(server: str) -> str:
    """A registry's host, however it is written: `https://index.docker.io/v1/` is Docker Hub's."""
    host = server.removeprefix("https://").removeprefix("http://").partition("/")[0]
    return DOCKER_HUB if host in ("index.docker.io", "registry-1.docker.io") else host


def _logins(entries: str | list[Values]) -> Iterator[Login]:
    """The provider's `registryAuth`: a list, which an explicit provider hands over as JSON."""
    for entry in json.loads(entries) if isinstance(entries, str) else entries:
        if entry.get("username") and entry.get("password"):
            yield Login(host_of(entry["address"]), entry["username"], entry["password"])


def _log_in(client: docker.APIClient, login: Login) -> None:
    registry = None if login.server == DOCKER_HUB else login.server
    try:
        client.login(login.username, login.password, registry=registry, reauth=True)
    except APIError as error:
        raise RefusedError(f"the registry {login.server} refused {login.username}: {_words(error)}") from error


def _raise_fault(message: Any, consequence: str) -> None:
    if "error" in message:
        raise RefusedError(f"{consequence}: {message['error']}")


def _words(error: DockerException) -> str:
    return str(error.explanation) if isinstance(error, APIError) and error.explanation else str(error)
