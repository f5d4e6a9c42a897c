"""The files on a machine: rendered configuration, the website, people's keys, and the secrets."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pulumi
import pulumi_random as random

from auren_infra.blueprint import Blueprint
from auren_infra.files import compose, paths, render
from auren_infra.files.directory import pack
from auren_infra.host.machine import Machine
from auren_infra.services.model import DirectoryMount, Password, SecretFile, Service


@dataclass(frozen=True)
class PlacedFile:
    """A file on the machine: the command that puts it there, and what its content's change looks like."""

    command: pulumi.Resource
    digest: pulumi.Input[str]


class Configuration(pulumi.ComponentResource):
    """Every file is a resource of its own, so that a preview names the files that change.

    `built` are the images that are known only when they are built, by service. They are the one thing that a text may
    have to wait for: the compose file and its service's specification, and nothing else.
    """

    files: dict[str, PlacedFile]
    """By path below the project's directory."""
    specifications: dict[str, pulumi.Input[str]]
    """Each service's own part of the compose file, by service."""
    directories: dict[str, pulumi.Resource]
    """By path below the project's directory."""
    secrets: dict[str, PlacedFile]
    """By path on the machine."""

    def __init__(
        self,
        machine: Machine,
        blueprint: Blueprint,
        ready: pulumi.Resource,
        *,
        built: Mapping[str, pulumi.Output[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("auren:host:Configuration", machine.name, None, opts)
        self._machine, self._ready = machine, ready
        settings, services = blueprint.settings, blueprint.services
        texts: dict[str, pulumi.Input[str]] = {**render.configuration_files(blueprint)}
        if built:
            texts["docker-compose.prod.yml"] = _rendered(compose.render, blueprint, built)
        self.files = {
            path: PlacedFile(
                self._put(path, f"{paths.PROJECT}/{path}", "0644", "root:root", text),
                pulumi.Output.from_input(text).apply(_digest),
            )
            for path, text in texts.items()
        }
        self.specifications = {
            name: _rendered(
                partial(compose.render_service, name=name),
                blueprint,
                {service: image for service, image in built.items() if service == name},
            )
            for name in blueprint.by_name
        }
        self.directories = {
            directory.source: self._put_directory(directory)
            for service in services
            for directory in service.directories
        }
        self._put("operators", paths.OPERATOR_KEYS, "0600", "root:root", render.operator_keys(settings))
        machine.run(
            "log-rotation",
            "log_rotation",
            *map(str, render.log_writer(services)),
            stdin=render.log_rotation(services),
            after=[ready],
            parent=self,
        )
        passwords = self._passwords(services)
        self.secrets = {
            paths.secret(service, file): self._secret(service, file, passwords)
            for service in services
            for file in service.secrets
        }
        self.register_outputs({})

    def _put(self, name: str, path: str, mode: str, owner: str, text: pulumi.Input[str]) -> pulumi.Resource:
        return self._machine.run(name, "put_file", path, mode, owner, stdin=text, after=[self._ready], parent=self)

    def _put_directory(self, directory: DirectoryMount) -> pulumi.Resource:
        return self._machine.run(
            directory.source.replace("/", "-"),
            "put_tree",
            f"{paths.PROJECT}/{directory.source}",
            stdin=pack(Path(directory.origin)),
            after=[self._ready],
            parent=self,
        )

    def _passwords(self, services: Sequence[Service]) -> Mapping[Password, pulumi.Output[str]]:
        wanted = {file.password for service in services for file in service.secrets}
        return {
            password: random.RandomPassword(
                password.name,
                length=32,
                special=False,  # 190 bits without a character that a URL, a shell or a configuration file would quote
                opts=pulumi.ResourceOptions(parent=self),
            ).result
            for password in sorted(wanted, key=lambda password: password.name)
        }

    def _secret(
        self, service: Service, file: SecretFile, passwords: Mapping[Password, pulumi.Output[str]]
    ) -> PlacedFile:
        text = passwords[file.password].apply(lambda password: file.template.format(password=password))
        put = self._put(f"{service.name}-{file.name}", paths.secret(service, file), "0400", str(service.user), text)
        # Twelve digits of a digest of 190 random bits tell that the secret changed, and nothing about it.
        return PlacedFile(put, pulumi.Output.unsecret(text.apply(_digest)))


def _rendered(
    text: Callable[[Blueprint], str], blueprint: Blueprint, built: Mapping[str, pulumi.Output[str]]
) -> pulumi.Input[str]:
    """`text` of the blueprint with the images that were built; known at once when there is none."""
    if not built:
        return text(blueprint)
    return pulumi.Output.all(**built).apply(lambda images: text(blueprint.with_images(images)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
