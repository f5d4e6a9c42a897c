"""The data volume on its machine: mounted before Docker starts, released before it is detached."""

import pulumi
import pulumi_command as command

from auren_infra.files import paths, systemd
from auren_infra.files.render import data_directories
from auren_infra.host import orders
from auren_infra.host.machine import Machine, script
from auren_infra.host.over_ssh import STOP_SECONDS, Errand
from auren_infra.placement import MachinePlan

_BACKUP_SECONDS = 600
"""That a backup before a detachment has. The disk stays whole also without one."""


class DataDisk(pulumi.ComponentResource):
    """The data volume, mounted, with a directory for each named Docker volume."""

    mounted: pulumi.Resource

    def __init__(
        self,
        machine: Machine,
        *,
        device: str,
        size_gb: int,
        attachment: pulumi.CustomResource,
        plan: MachinePlan,
        ready: pulumi.Resource,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("auren:host:DataDisk", machine.name, None, opts)
        release = release_before_detaching(machine, attachment, plan.blueprint.settings.backup_minutes, parent=self)
        self.mounted = machine.run(
            "data-disk",
            orders.DataDisk(device, paths.DATA, size_gb, data_directories(plan), systemd.unit(systemd.DATA_DISK)),
            after=[ready, release],
            again_with=[attachment],
            parent=self,
        )
        self.register_outputs({})


def release_before_detaching(
    machine: Machine, attachment: pulumi.Resource, backup_minutes: int, parent: pulumi.Resource
) -> command.local.Command:
    """A resource whose only work is its deletion: bring the machine down cleanly, if it is alive.

    It depends on the attachment and is therefore deleted before it, and it is replaced with either. It runs
    where Pulumi runs, over `ssh`: a remote command's `delete` would fail for ever on a machine that is dead.
    """
    release = Errand(
        "release_data_disk",
        (paths.DATA, str(backup_minutes)),
        next="its data volume is detached as it is",
        kept="nothing was detached",
        seconds=STOP_SECONDS + _BACKUP_SECONDS,
    )
    known_hosts = pulumi.Output.concat(machine.address, " ", machine.host_key)
    return command.local.Command(
        f"{machine.name}-release",
        create=":",
        delete=script("over_ssh"),
        interpreter=["bash", "-c"],
        stdin=machine.private_key,
        environment=release.environment(address=machine.address, known_hosts=known_hosts),
        add_previous_output_in_env=False,
        opts=pulumi.ResourceOptions(
            parent=parent,
            depends_on=[attachment],
            replace_with=[machine.lifetime, attachment],
            delete_before_replace=True,
        ),
    )
