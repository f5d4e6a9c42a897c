"""The Python language host: what the engine starts to run a Python program (`pulumi-language-python`).

It answers the engine's LanguageRuntime service as the official host does, over the toolchain `pip`; each program runs
in a process of its own, with the project's interpreter. Deliberately left out, and refused or answered empty:
Poetry and uv, type checking before a run, code generation (`pulumi convert`), and debuggers.

It announces no required plugins: the engine then loads a plugin when the program first needs it, and a package that
is installed but unused (pulumi-docker) need not have one.

Run as a script by the launcher that `install.py` writes, with the engine's address as its last argument.
"""

# ruff: noqa: ARG002, N802 - the methods of the engine's LanguageRuntime service, as it calls them
import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent import futures
from pathlib import Path
from typing import IO, Any

# Not this folder: its modules are not for the programs that are run, and `build` would be found in it.
sys.path[0] = str(Path(__file__).parents[2])

from sandbox.pulumi_messages import leave_out_the_sdk  # noqa: E402

leave_out_the_sdk()

import grpc  # noqa: E402 - the messages come after it is known what is left out
from google.protobuf import empty_pb2  # noqa: E402
from pulumi.runtime.proto import language_pb2 as lang  # noqa: E402
from pulumi.runtime.proto import language_pb2_grpc, plugin_pb2  # noqa: E402

RUN_PROGRAM = Path(__file__).with_name("run_program.py")
MESSAGE_LIMIT = 400 * 1024 * 1024
ORPHAN_CHECK = 2.0
"""Seconds between two looks at whether the engine still lives."""
SHOWN = 32
"""The program's exit code when it told the engine what went wrong: nothing is left to say (as official)."""


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """One engine's host. A program that is running ends with it."""

    def __init__(self, engine_address: str) -> None:
        self._engine_address = engine_address
        self._children: set[subprocess.Popen[bytes]] = set()

    def stop(self) -> None:
        for child in list(self._children):
            child.terminate()

    def Handshake(self, request: Any, context: Any) -> Any:
        return lang.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        import importlib.metadata  # the engine seldom asks

        return plugin_pb2.PluginInfo(version=importlib.metadata.version("pulumi"))

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        return lang.GetRequiredPackagesResponse()

    def GetRequiredPlugins(self, request: Any, context: Any) -> Any:
        return lang.GetRequiredPluginsResponse()

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:
        return lang.RuntimeOptionsResponse()

    def Template(self, request: Any, context: Any) -> Any:
        return lang.TemplateResponse()

    def Cancel(self, request: Any, context: Any) -> Any:
        self.stop()
        return empty_pb2.Empty()

    def About(self, request: Any, context: Any) -> Any:
        python = _interpreter(request.info, context)
        shown = subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout
        return lang.AboutResponse(executable=python, version=shown.removeprefix("Python").strip())

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        command = [_interpreter(request.info, context), "-m", "pip", "list", "--format", "json"]
        if not request.transitiveDependencies:
            command.append("--not-required")
        listed = subprocess.run(command, capture_output=True, text=True, check=False)
        if listed.returncode != 0:
            context.abort(grpc.StatusCode.INTERNAL, f"{' '.join(command)} failed: {listed.stderr.strip()}")
        packages = [lang.DependencyInfo(name=p["name"], version=p["version"]) for p in json.loads(listed.stdout)]
        return lang.GetProgramDependenciesResponse(dependencies=packages)

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:
        """Make the project's virtual environment when it is missing and install requirements.txt into it."""
        option = _options(request.info, context).get("virtualenv")
        commands: list[list[str]] = []
        python = sys.executable
        if option:
            folder = Path(request.info.root_directory, option)
            python = str(folder / "bin" / "python")
            if not Path(python).exists():
                commands.append([sys.executable, "-m", "venv", str(folder)])
        directory = request.info.program_directory
        if Path(directory, "requirements.txt").exists():
            commands.append([python, "-m", "pip", "install", "-r", "requirements.txt"])
        for command in commands:
            code = yield from self._stream(command, directory, None, _installing)
            if code != 0:
                context.abort(grpc.StatusCode.INTERNAL, f"{' '.join(command)} failed with exit code {code}")

    def Run(self, request: Any, context: Any) -> Any:
        if request.attach_debugger:
            return lang.RunResponse(error="this language host attaches no debugger")
        python = _interpreter(request.info, context)
        environment = os.environ | _activated(python)
        if request.config:
            environment["PULUMI_CONFIG"] = json.dumps(dict(request.config))
        if request.configSecretKeys:
            environment["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(list(request.configSecretKeys))
        settings = {
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization or "organization",
            "parallel": request.parallel,
            "dry_run": request.dryRun,
            "monitor": request.monitor_address,
            "engine": self._engine_address,
            "root_directory": request.info.root_directory,
        }
        entry_point = request.info.entry_point or "."
        command = [python, "-u", str(RUN_PROGRAM), json.dumps(settings), entry_point, *request.args]
        # What the program prints goes to this process's own streams, which the engine shows.
        with subprocess.Popen(command, cwd=request.info.program_directory, env=environment) as child:
            self._children.add(child)
            code = child.wait()
            self._children.discard(child)
        if code == SHOWN:
            return lang.RunResponse(bail=True)
        if code < 0:
            return lang.RunResponse(error=f"Program exited unexpectedly: signal: {signal.Signals(-code).name}")
        return lang.RunResponse(error=f"Program exited with non-zero exit code: {code}" if code else "")

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:
        """Run a plugin that is Python source: a policy pack, or a provider beside its PulumiPlugin.yaml."""
        python = _interpreter(request.info, context)
        directory = request.info.program_directory
        module = {"analyzer": "pulumi.policy", "resource": "pulumi.run.plugin"}.get(request.kind)
        if module:
            command = [python, "-u", "-m", module, *request.args, directory]
        else:
            command = [python, "-u", directory, *request.args]
        environment = dict(pair.split("=", 1) for pair in request.env) | _activated(python)
        code: int = yield from self._stream(command, request.pwd, environment, _running, context)
        yield lang.RunPluginResponse(exitcode=code)

    def _stream(
        self,
        command: list[str],
        directory: str,
        environment: dict[str, str] | None,
        message: Callable[[str, bytes], Any],
        context: Any = None,
    ) -> Generator[Any, Any, int]:
        """Run a command, yield what it prints as it prints it, and return its exit code."""
        pipe = subprocess.PIPE
        with subprocess.Popen(command, cwd=directory, env=environment, stdout=pipe, stderr=pipe) as child:
            self._children.add(child)
            if context is not None:
                context.add_callback(child.terminate)
            arrived: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()

            def read(name: str, stream: IO[bytes]) -> None:
                # What is there, not lines: a progress bar ends none. Nothing read is the end, and is told as well.
                data = b"more"
                while data:
                    data = os.read(stream.fileno(), 65536)
                    arrived.put((name, data))

            assert child.stdout
            assert child.stderr
            streams = {"stdout": child.stdout, "stderr": child.stderr}
            for name, stream in streams.items():
                threading.Thread(target=read, args=(name, stream), daemon=True).start()
            while streams:
                name, data = arrived.get()
                if data:
                    yield message(name, data)
                else:
                    del streams[name]
            code = child.wait()
            self._children.discard(child)
        return code


def _installing(stream: str, data: bytes) -> Any:
    response = lang.InstallDependenciesResponse
    return response(stdout=data) if stream == "stdout" else response(stderr=data)


def _running(stream: str, data: bytes) -> Any:
    return lang.RunPluginResponse(stdout=data) if stream == "stdout" else lang.RunPluginResponse(stderr=data)


def _options(info: Any, context: Any) -> dict[str, str]:
    """The `runtime: options:` of Pulumi.yaml; those that change how a program runs and are not served are refused."""
    options: dict[str, str] = dict(info.options)
    toolchain = options.get("toolchain", "pip")
    if toolchain != "pip":
        context.abort(
            grpc.StatusCode.FAILED_PRECONDITION, f"this language host knows no toolchain {toolchain!r}: use pip"
        )
    if options.get("typechecker", "none") != "none":
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "this language host runs no typechecker: check types before")
    return options


def _interpreter(info: Any, context: Any) -> str:
    """The Python of the project's virtual environment, else the one that this host runs with."""
    option = _options(info, context).get("virtualenv")
    if not option:
        return sys.executable
    folder = Path(info.root_directory, option)
    python = folder / "bin" / "python"
    if not python.exists():
        context.abort(
            grpc.StatusCode.FAILED_PRECONDITION,
            f"The 'virtualenv' option in Pulumi.yaml is set to {option!r}, but {folder} is no virtual environment; "
            f"create it and install the program's dependencies:\n  python3 -m venv {folder}\n"
            f"  {python} -m pip install -r {info.program_directory}/requirements.txt",
        )
    return str(python)


def _activated(python: str) -> dict[str, str]:
    """What a virtual environment's `activate` sets, so that programs started by the program come from it too."""
    programs = Path(python).parent
    if not (programs.parent / "pyvenv.cfg").exists():
        return {}
    path = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
    return {"VIRTUAL_ENV": str(programs.parent), "PATH": path}


def main() -> None:
    # What the host does not do is answered UNIMPLEMENTED, which the engine reports: no traceback besides.
    logging.getLogger("grpc").addHandler(logging.NullHandler())
    host = LanguageHost(sys.argv[-1])
    engine = os.getppid()
    limits = [("grpc.max_receive_message_length", MESSAGE_LIMIT), ("grpc.max_send_message_length", MESSAGE_LIMIT)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), options=limits)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    server.start()
    print(port, flush=True)
    # An engine that was killed sends no signal.
    while not ended.wait(ORPHAN_CHECK) and os.getppid() == engine:
        pass
    host.stop()
    # Not through the interpreter's own end: gRPC's threads would be waited for, and the engine waits for us.
    os._exit(0)


if __name__ == "__main__":
    main()
