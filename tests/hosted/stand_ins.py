"""`python -m tests.hosted.stand_ins FILE`: the stand-ins of the API and the Bridge, saved as what production pulls.

They are built on the official Debian image, with the Docker that is here, and saved for another one.
"""

import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import docker

from auren_infra.blueprint import describe
from auren_infra.settings import load
from sandbox.images.build import CLIENT_SECONDS, build
from sandbox.images.recipe import OWN, Recipe
from tests.hosted.settings import configuration

BASE = "docker.io/library/debian:13-slim"


def production_names() -> dict[str, str]:
    """Each service's image as production pulls it."""
    return {service.name: service.image for service in describe(load(configuration(()))).services}


def save(client: docker.DockerClient, images: Mapping[str, str], file: Path) -> None:
    """Write images, `service: local reference`, under the names that production pulls."""
    names = production_names()
    for service, reference in images.items():
        repository, _, tag = names[service].rpartition(":")
        client.api.tag(reference, repository, tag)
    # The SDK saves one image only, and their common layers are to be saved once.
    subprocess.run(["docker", "save", "--output", str(file), *(names[service] for service in images)], check=True)


def main() -> None:
    with closing(docker.from_env(timeout=CLIENT_SECONDS)) as client:
        client.images.pull(BASE)
        recipes = [Recipe(service, BASE) for service in OWN]
        for recipe in recipes:
            build(client, recipe, print)
        save(client, {recipe.name: recipe.reference for recipe in recipes}, Path(sys.argv[1]))


if __name__ == "__main__":
    main()
