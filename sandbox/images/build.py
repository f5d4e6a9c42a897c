"""Builds the service images that neither the registry nor the Docker daemon has yet, side by side.

Dockerfiles keep to what the classic builder knows: the daemon may be years old, and buildx is a package of its own.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from enum import StrEnum
from pathlib import Path

import docker
from docker.errors import APIError, BuildError, ImageNotFound

from sandbox import registry
from sandbox.images.base import base_reference, ensure_base
from sandbox.images.jars import fetch_jars
from sandbox.images.recipe import OWN, PYTHON, REPOSITORY, SERVICES, ImageBuildError, Recipe

CLIENT_SECONDS = 900
"""How long the daemon may be silent: a package installation inside a build is one silent request."""
PIP_SECONDS = 600
BUILDS_AT_ONCE = max(2, os.cpu_count() or 2)
"""A build waits for a mirror as often as it computes; many more at once only take memory."""
PROXIES = ("http_proxy", "https_proxy", "no_proxy")
"""Passed on to the builds: where this machine reaches package mirrors through a proxy, so do they."""


class Images(StrEnum):
    """What the services of the rehearsal run."""

    BUILT = "built"
    """Images that are built here, from distribution packages: no registry of the internet is needed."""
    PRODUCTION = "production"
    """What production pulls. The API and the Bridge are built here all the same: their images are AUREN's own."""

    @property
    def services(self) -> tuple[str, ...]:
        """The services whose image is built here."""
        return OWN if self is Images.PRODUCTION else SERVICES


def build_images(progress: Callable[[str], None], services: Iterable[str] = SERVICES) -> dict[str, str]:
    """The local image reference of each of `services`, `auren-sandbox/FOLDER:DIGEST`.

    An image that the registry holds already is not built again, even when this daemon has never seen it:
    `registry.push_images` knows it by the same name.
    """
    base = base_reference()
    recipes = [Recipe(name, base) for name in services]
    with closing(docker.from_env(timeout=CLIENT_SECONDS)) as client:
        # By reference: services that share an image have it built once.
        missing = {recipe.reference: recipe for recipe in recipes if not _exists(client, recipe)}
        if missing:
            ensure_base(client, progress)
            with ThreadPoolExecutor(max_workers=BUILDS_AT_ONCE) as pool:
                futures = [pool.submit(build, client, recipe, progress) for recipe in missing.values()]
            failures = [str(error) for future in futures if (error := future.exception())]
            if failures:
                raise ImageBuildError("\n".join(failures))
    return {recipe.name: recipe.reference for recipe in recipes}


def remove_images() -> None:
    """Take every image that was built here out of the daemon; the cache and the registry keep theirs."""
    repositories = {f"{REPOSITORY}/{name}" for name in ("base", *SERVICES)}
    repositories |= {registry.push_repository(name) for name in SERVICES}
    with closing(docker.from_env()) as client:
        for reference in [tag for image in client.images.list() for tag in image.tags]:
            if reference.rpartition(":")[0] in repositories:
                client.images.remove(reference, force=True)


def _exists(client: docker.DockerClient, recipe: Recipe) -> bool:
    if registry.published_digest(recipe.name, recipe.tag):
        return True
    try:
        client.images.get(recipe.reference)
    except ImageNotFound:
        return False
    return True


def build(client: docker.DockerClient, recipe: Recipe, progress: Callable[[str], None]) -> None:
    """Build one image on the recipe's base, which the daemon must have."""
    progress(f"building {recipe.folder.name}")
    arguments = {"BASE": recipe.base} | {name: os.environ[name] for name in PROXIES if name in os.environ}
    with tempfile.TemporaryDirectory(prefix="auren-sandbox-build-") as scratch:
        context = Path(scratch) / "context"
        shutil.copytree(recipe.folder, context, ignore=shutil.ignore_patterns("__pycache__"))
        if (requirements := recipe.folder / "requirements.txt").exists():
            _fetch_libraries(requirements, context / "libraries")
        if (jars := recipe.folder / "jars.txt").exists():
            fetch_jars(jars, context / "jars")
        try:
            client.images.build(path=str(context), tag=recipe.reference, buildargs=arguments, rm=True, forcerm=True)
        except BuildError as error:
            said = [
                text for line in error.build_log if isinstance(line, dict) and (text := str(line.get("stream", "")))
            ]
            lines = "\n  ".join("".join(said).splitlines()[-15:])
            raise ImageBuildError(
                f"the image {recipe.folder.name} could not be built: {error.msg}\n  {lines}"
            ) from None
        except APIError as error:
            raise ImageBuildError(f"the image {recipe.folder.name} could not be built: {error.explanation}") from None
    progress(f"built {recipe.folder.name}")


def _fetch_libraries(requirements: Path, target: Path) -> None:
    """Install the pinned wheels for the image's Python and this machine's processor, with this machine's pip.

    Done here because a package index may be trusted by the host alone; an image does not know the host's authorities.
    """
    machine = os.uname().machine
    platforms = [f"--platform=manylinux_{glibc}_{machine}" for glibc in ("2_17", "2_28", "2_34")]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--no-deps", "--no-compile", "--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON}"]
    command += [*platforms, f"--target={target}", f"--requirement={requirements}"]
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PIP_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ImageBuildError(f"pip did not fetch the libraries of {requirements} within {PIP_SECONDS} s") from None
    if result.returncode:
        lines = "\n  ".join(result.stderr.splitlines()[-15:])
        raise ImageBuildError(f"pip could not fetch the libraries of {requirements}; it said:\n  {lines}")
