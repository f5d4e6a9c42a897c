"""`docker:index/image:Image`: an image that is built from a context and pushed."""

import asyncio
import platform
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox.plugins.docker.context import Context
from sandbox.plugins.docker.daemon import Daemon, Login, Progress, build, host_of, push, registry_of
from sandbox.plugins.resource import Operation, RefusedError, Resource, Severity, State
from sandbox.plugins.schema import Fault
from sandbox.plugins.values import UNKNOWN, Values

AT_ONCE = 4
"""Builds at the same time: a thread each, which mostly waits for the daemon."""
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class Image(Resource):
    """Built again when its inputs change or a file of its context does, whose digest becomes an input.

    What was pushed stays when the resource goes, and so does the image in the daemon.
    """

    token = "docker:index/image:Image"
    renewed = frozenset({"baseImageName", "context", "dockerfile", "platform", "registryServer", "repoDigest"})

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="docker")

    def check(self, inputs: Values) -> list[Fault]:
        faults: list[Fault] = []
        if inputs.get("buildOnPreview") is True:
            reason = "the sandbox's docker plugin builds nothing in a preview; put the official one on PATH for that"
            faults.append(Fault("buildOnPreview", reason))
        context = _context(inputs)
        if context and not Path(context.dockerfile).is_file():
            faults.append(Fault("build.dockerfile", f"could not open dockerfile at relative path {context.dockerfile}"))
        elif context and (link := context.dangling()):
            faults.append(Fault("build.context", f"could not evaluate symlink at {link}: no such file or directory"))
        name = inputs["imageName"]
        if name is not UNKNOWN and inputs.get("skipPush") is not True and registry_of(name) is None:
            reason = f"{name} is not fully qualified: prefix it with its registry, Docker Hub's images with docker.io/"
            faults.append(Fault("imageName", reason))
        return faults

    def completed(self, inputs: Values) -> Values:
        """With the context's digest, and with this machine's platform when none is given."""
        given = inputs.get("build", {})
        context = _context(inputs)
        if context is None:
            return inputs
        machine = f"linux/{ARCHITECTURES.get(platform.machine(), platform.machine())}"
        return {**inputs, "build": {"platform": machine, **given, "contextDigest": context.digest()}}

    def watched(self, inputs: Values) -> Values:
        """Who pushes does not change what is pushed: of the registry, the server alone."""
        registry = inputs.get("registry")
        if not isinstance(registry, dict):
            return inputs
        return {**inputs, "registry": {key: value for key, value in registry.items() if key == "server"}}

    async def create(self, operation: Operation, inputs: Values) -> State:
        registry = inputs.get("registry", {})
        if bool(registry.get("username")) != bool(registry.get("password")):
            text = "of username and password only one was set; using this machine's own Docker login"
            await operation.log(Severity.WARNING, text)
        loop = asyncio.get_running_loop()
        cancelled = threading.Event()

        async def show(line: str) -> None:
            await operation.log(Severity.INFO, line)

        def progress(line: str) -> None:
            if cancelled.is_set():
                raise RefusedError("the operation was cancelled")
            asyncio.run_coroutine_threadsafe(show(line), loop)

        work = loop.run_in_executor(self._threads, self._publish, inputs, progress)
        try:
            digest = await asyncio.shield(work)
        except asyncio.CancelledError:
            cancelled.set()
            await asyncio.wait([work])
            raise
        # The official plugin compares with these, and not with the inputs that the engine has.
        outputs = {"__inputs": inputs, **_outputs(inputs), "repoDigest": digest}
        return State(inputs["imageName"], outputs, frozenset({"__inputs"}))

    async def update(self, operation: Operation, state: State, inputs: Values) -> State:
        made = await self.create(operation, inputs)
        return State(state.id, made.outputs, made.secret)

    async def delete(self, operation: Operation, state: State) -> None:
        """A machine may still run what was pushed."""

    def _publish(self, inputs: Values, progress: Progress) -> str:
        """Build, and push unless that is not wanted; an image that stays here is known by its id."""
        name = inputs["imageName"]
        with self._daemon.client(*_login(inputs)) as client:
            identifier = build(client, name, inputs.get("build", {}), progress)
            return identifier if inputs.get("skipPush") else push(client, name, progress)


def _context(inputs: Values) -> Context | None:
    """The context, None while it is not known where that is."""
    given = inputs.get("build", {})
    if given is UNKNOWN or UNKNOWN in (given.get("context"), given.get("dockerfile")):
        return None
    return Context.of(given)


def _login(inputs: Values) -> list[Login]:
    registry = inputs.get("registry", {})
    username, password = registry.get("username"), registry.get("password")
    server = registry.get("server") or registry_of(inputs["imageName"])
    return [Login(host_of(server), username, password)] if username and password and server else []


def _outputs(inputs: Values) -> Values:
    context = Context.of(inputs.get("build", {}))
    return {
        "baseImageName": inputs["imageName"],
        "imageName": inputs["imageName"],
        "context": context.folder,
        "dockerfile": context.relative_dockerfile,
        "platform": inputs.get("build", {}).get("platform"),
        "registryServer": inputs.get("registry", {}).get("server") or registry_of(inputs["imageName"]),
    }
