"""What is put on a machine for the services: their releases' texts, their secrets, the website, people's keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi

from auren_infra.contents import MOST_ENTRIES, MOST_MEGABYTES_OF_IMAGE
from auren_infra.files import compose, paths, render, systemd
from auren_infra.files.directory import pack
from auren_infra.files.releases import release
from auren_infra.host import orders
from auren_infra.host.machine import Machine
from auren_infra.placement import MachinePlan
from auren_infra.secrets import Secrets
from auren_infra.services.model import IMAGE_FILES, DirectoryMount, Given, SecretFile, Service
from auren_infra.settings import Settings


@dataclass(frozen=True)
class PlacedSecret:
    """A secret on the machine: the command that puts it there, and what its content's change looks like."""

    command: pulumi.Resource
    digest: pulumi.Output[str]


class Configuration(pulumi.ComponentResource):
    """`built` are the images that are known only when they are built, by service. What needs Docker or the data disk is
    done after `after`."""

    directories: dict[str, pulumi.Resource]
    """By path below the project's directory."""
    secrets: dict[str, dict[str, PlacedSecret]]
    """By service and name."""
    logins: pulumi.Resource
    """The logins of registries are there, or gone."""

    def __init__(
        self,
        machine: Machine,
        plan: MachinePlan,
        ready: pulumi.Resource,
        *,
        after: Sequence[pulumi.Resource],
        secrets: Secrets,
        built: Mapping[str, pulumi.Output[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("auren:host:Configuration", machine.name, None, opts)
        self._machine, self._ready, self._plan, self._built = machine, ready, plan, built
        settings, services = plan.blueprint.settings, plan.services
        self._after = after
        self._put(Path(paths.COMPOSE_FILE).name, paths.COMPOSE_FILE, "0644", "root:root", compose.render(plan))
        self.logins = self._logins(settings, secrets)
        self.directories = {
            directory.source: self._put_directory(directory)
            for service in services
            for directory in service.directories
        }
        self._put("operators", paths.OPERATOR_KEYS, "0600", "root:root", render.operator_keys(settings))
        if nginx := render.web_server(plan):
            machine.run(
                "log-rotation",
                orders.LogRotation(
                    *render.log_writer(nginx.service),
                    render.log_rotation(nginx),
                    systemd.unit(systemd.HOURLY_ROTATION),
                ),
                after=[ready],
                parent=self,
            )
        self.secrets = {
            service.name: {file.name: self._secret(service, file, secrets) for file in service.secrets}
            for service in services
        }
        self.register_outputs({})

    def release(self, service: Service) -> pulumi.Input[str]:
        """The text of the service's release."""
        name = service.name
        if image := self._built.get(name):
            return image.apply(lambda image: release(self._plan.with_images({name: image}), name).text)
        return release(self._plan, name).text

    def _put(self, name: str, path: str, mode: str, owner: str, text: pulumi.Input[str]) -> pulumi.Resource:
        return self._machine.run(name, orders.PutFile(path, mode, owner, text), after=[self._ready], parent=self)

    def _put_directory(self, directory: DirectoryMount) -> pulumi.Resource:
        name, path = directory.source.replace("/", "-"), f"{paths.PROJECT}/{directory.source}"
        if directory.image:
            return self._machine.run(
                name,
                orders.PutImageTree(path, directory.image, IMAGE_FILES, MOST_ENTRIES, MOST_MEGABYTES_OF_IMAGE),
                after=[*self._after, self.logins],
                parent=self,
                bound=1500,  # as for the image of a container
            )
        packed = pack(Path(directory.origin))
        return self._machine.run(
            name, orders.PutTree(path, directory.released, packed), after=[self._ready], parent=self
        )

    def _logins(self, settings: Settings, secrets: Secrets) -> pulumi.Resource:
        if settings.registries:
            text = secrets.logins(settings.registries)
            return self._put("registries", paths.REGISTRY_LOGINS, "0600", "root:root", text)
        return self._machine.run(
            "registries", orders.RemoveFile(paths.REGISTRY_LOGINS), after=[self._ready], parent=self
        )

    def _secret(self, service: Service, file: SecretFile, secrets: Secrets) -> PlacedSecret:
        text = secrets.text(file)
        digest = secrets.digest(text)
        put = self._machine.run(
            # The names of given secrets are not ours: with a dot, they cannot meet the name of another command.
            f"secret.{service.name}.{file.name}" if isinstance(file.secret, Given) else f"{service.name}-{file.name}",
            orders.PutSecret(paths.secrets(service.name), file.name, str(service.user), digest, text),
            after=[self._ready],
            parent=self,
        )
        return PlacedSecret(put, digest)
