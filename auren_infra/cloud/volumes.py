"""The data: one block volume, which outlives every droplet."""

import pulumi
import pulumi_digitalocean as digitalocean

from auren_infra.settings import Settings


class DataVolume(pulumi.ComponentResource):
    """A block volume, formatted (ext4) by the cloud when it is made and by nobody ever after.

    Left out on purpose: the attachment, which is the droplet's part, and any formatting on the machine.
    """

    volume: digitalocean.Volume
    device: str
    """Where a droplet sees it."""

    def __init__(
        self, name: str, settings: Settings, tag: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("auren:cloud:DataVolume", name, None, opts)
        self.volume = digitalocean.Volume(
            name,
            name=name,
            region=settings.region,
            size=settings.data_volume_size,
            initial_filesystem_type="ext4",
            description="All data of AUREN",
            tags=[tag],
            opts=pulumi.ResourceOptions(
                parent=self, protect=settings.protect_data, retain_on_delete=settings.protect_data
            ),
        )
        self.device = f"/dev/disk/by-id/scsi-0DO_Volume_{name}"
        self.register_outputs({"id": self.volume.id})
