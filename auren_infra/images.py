"""What is built: the images of services that have a build context, made here and pushed to their registry."""

from collections.abc import Mapping

import pulumi
import pulumi_docker as docker

from auren_infra.blueprint import Blueprint

PLATFORM = "linux/amd64"
"""What droplets are, whatever the machine is that builds."""


class BuiltImages(pulumi.ComponentResource):
    """An image for each entry of `auren:builds`, pushed under the service's name in the blueprint.

    Make one only when something is to be built: the plugin asks for a Docker daemon as soon as a stack holds a resource
    of its own, in a preview too. A preview builds nothing: a changed context's digest is unknown until the update.

    Deliberately without credentials: whoever builds has logged in to the registry (`docker login`), and no password of
    a registry gets into the stack. A deleted resource leaves what was pushed; a droplet may still run it.
    """

    references: Mapping[str, pulumi.Output[str]]
    """By service: `REPOSITORY@DIGEST`, as the registry took it. What runs is what was built, whoever moves the tag."""

    def __init__(self, name: str, blueprint: Blueprint, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("auren:images:BuiltImages", name, None, opts)
        self.references = {
            service: docker.Image(
                f"{name}-{service}",
                image_name=blueprint.by_name[service].image,
                build=docker.DockerBuildArgs(context=directory, platform=PLATFORM),
                opts=pulumi.ResourceOptions(parent=self),
            ).repo_digest
            for service, directory in blueprint.settings.builds.items()
        }
        self.register_outputs({})
