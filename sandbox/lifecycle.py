"""Start, stop and take down the cloud on this machine.

Each step looks at what is there and does what is missing, so that a second start is quick, and one that was cut is
resumed by starting again. The order of `down` is the order of `start` backwards.
"""

import json
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox import cloud_server, docker_daemon, layout, packages, prerequisites, pulumi_stack, registry, stack_config
from sandbox.clouds.spaces import object_store
from sandbox.progress import Note, Progress, StepError

PYTHON = Path(sys.executable)
"""Runs the program and our own plugins. It has all packages of requirements.txt."""
LOGS = layout.STATE / "logs"


class LifecycleError(RuntimeError):
    """The command failed; the text says why and what to do."""


def prepare() -> dict[str, str]:
    """Install missing packages and build everything slow. Starts only a Docker daemon. Returns the service images."""
    return _prepare(Progress(LOGS), _services(None))


def engine() -> None:
    """Build the Pulumi engine if none is installed. Unlike `prepare`, this needs no root."""
    Progress(layout.CACHE / "logs").run("engine", _engine)


def start(images: str | None = None) -> None:
    """Bring the cloud up: everything that `pulumi up` needs answers when this returns.

    `images` says what the services run, a value of `sandbox.images.Images`. None: what they ran before.
    """
    stack_config.source_of(stack_config.LOCAL)  # before anything is built
    progress = Progress(LOGS)
    built = _prepare(progress, _services(images))
    progress.run("network", _network)
    progress.run("registry", lambda note: _publish(built, note))
    progress.run("clouds", lambda _: cloud_server.start())
    progress.run("stack", _stack)


def _services(chosen: str | None) -> tuple[str, ...]:
    """The services whose image is built here."""
    from sandbox.images import Images

    if chosen is None and stack_config.IMAGES.exists():
        published = set(json.loads(stack_config.IMAGES.read_text()))
        return next((each.services for each in Images if set(each.services) == published), Images.BUILT.services)
    return Images(chosen or Images.BUILT).services


def _prepare(progress: Progress, services: tuple[str, ...]) -> dict[str, str]:
    packages.find_programs_of_root()
    missing = packages.missing()
    faults = prerequisites.faults()
    if fault := packages.fault(missing):
        faults.append(fault)
    if faults:
        listed = "\n".join(f"- {fault}" for fault in faults)
        raise LifecycleError(f"This machine cannot hold the sandbox yet; nothing was changed.\n{listed}")
    if missing:
        progress.say(f"missing here: {', '.join(program.name for program in missing)}")
        progress.run("packages", lambda note: packages.install(missing, note))
    prerequisites.prepare_kernel()
    progress.run("docker", lambda note: note(f"using {docker_daemon.ensure()}"))
    built = progress.run_together(
        {"engine": _engine, "droplet image": _droplet_image, "service images": lambda note: _images(note, services)}
    )
    return built["service images"]


def stop() -> None:
    """Stop all processes. The state stays, and simulated addresses are still not routed elsewhere."""
    progress = Progress(LOGS)
    # First, so that the API does not record the droplets as switched off by their owner.
    progress.run("clouds", lambda _: cloud_server.stop())
    progress.run("object store", lambda _: object_store.stop())
    progress.run("registry", lambda _: registry.stop())
    if _connect_to_docker():
        progress.run("droplets", _shut_droplets_down)
        if os.environ["DOCKER_HOST"] == docker_daemon.OwnDaemon().host:
            progress.run("docker", lambda _: docker_daemon.OwnDaemon().stop())


def down(*, force: bool = False) -> None:
    """Destroy the local stack, then remove everything that was created on this machine except the cache.

    A stack that cannot be destroyed stays, with its cloud, unless `force`.
    """
    packages.find_programs_of_root()
    progress = Progress(LOGS)
    if pulumi_stack.resources(stack_config.LOCAL):
        if cloud_server.health() is None:
            progress.say("the cloud is stopped: its machines are removed without a `pulumi destroy`")
        else:
            _destroy(progress, force=force)
    progress.run("clouds", lambda _: cloud_server.stop())
    progress.run("object store", lambda _: object_store.stop())
    progress.run("registry", lambda _: registry.stop())
    own = docker_daemon.OwnDaemon()
    if docker_daemon.RECORD.exists() or own.process.pid() is not None:
        host = progress.run("docker", lambda _: docker_daemon.ensure())
        progress.run("machines", lambda _: _remove_machines(keep_images=host == own.host))
        if host == own.host:
            progress.run("docker", lambda _: own.remove())
    for directory in (layout.STATE, layout.RUN):
        shutil.rmtree(directory, ignore_errors=True)
        if directory.exists() and any(directory.iterdir()):  # empty, it is a file system of its own
            raise LifecycleError(f"{directory} cannot be removed: something in it is busy (`findmnt -R {directory}`).")
    progress.say(f"gone; what was slow to build stays in {layout.CACHE}")


def _engine(note: Note) -> None:
    from sandbox.engine.build import ensure_engine
    from sandbox.engine.install import install
    from sandbox.plugins.install import install_plugins

    ensure_engine(note)
    install(layout.STATE / "bin", PYTHON)
    install_plugins(layout.STATE / "pulumi", PYTHON)


def _droplet_image(note: Note) -> None:
    from sandbox.droplets import ensure_base_image

    ensure_base_image(note)


def _images(note: Note, services: tuple[str, ...]) -> dict[str, str]:
    from sandbox.images import build_images

    return build_images(note, services)


def _network(note: Note) -> None:
    from sandbox.droplets import ensure_network

    ensure_network()
    note(f"simulated addresses: {layout.PUBLIC_NETWORK}")


def _publish(images: dict[str, str], note: Note) -> None:
    registry.start()
    published = registry.push_images(images, progress=note)
    stack_config.IMAGES.write_text(json.dumps(published, indent=2))
    note(f"images that are built here: {', '.join(published)}")


def _stack(note: Note) -> None:
    note(f"configuration in use: {stack_config.refresh(stack_config.LOCAL)}")
    pulumi_stack.ensure_stack(stack_config.LOCAL)


def _destroy(progress: Progress, *, force: bool) -> None:
    stack_config.refresh(stack_config.LOCAL)
    try:
        progress.run("destroy", lambda note: pulumi_stack.destroy(stack_config.LOCAL, note))
    except StepError as error:
        if not force:
            raise LifecycleError(
                f"{error}\nNothing else was removed. Mend it and repeat, or remove the machines regardless: "
                "`python -m sandbox down --force`."
            ) from error
        progress.say(f"{error}\ngoing on all the same (--force)")


def _shut_droplets_down(note: Note) -> None:
    from sandbox.clouds.state import State
    from sandbox.droplets import DockerHypervisor
    from sandbox.droplets.hypervisor import Power

    file = layout.STATE / "clouds" / "state.json"
    droplets = State.model_validate_json(file.read_bytes()).digitalocean.droplets if file.exists() else {}
    hypervisor = DockerHypervisor()

    def shut_down(droplet: int) -> None:
        if hypervisor.power(droplet) is Power.ACTIVE and not hypervisor.shut_down(droplet):
            note(f"droplet {droplet} did not shut down within a minute: its power is cut")
            hypervisor.power_off(droplet)

    with ThreadPoolExecutor(max_workers=max(1, len(droplets))) as pool:
        list(pool.map(shut_down, droplets))


def _remove_machines(*, keep_images: bool) -> None:
    """Keep images in our own daemon, whose data is part of the cache. Remove them from any other daemon."""
    from sandbox.droplets import remove_all
    from sandbox.images.build import remove_images

    remove_all(images=not keep_images)
    if not keep_images:
        remove_images()


def _connect_to_docker() -> bool:
    """Point `DOCKER_HOST` at the daemon that holds the machines; False when it does not run."""
    host = docker_daemon.chosen()
    if host is None or docker_daemon.information(host) is None:
        return False
    os.environ["DOCKER_HOST"] = host
    return True
