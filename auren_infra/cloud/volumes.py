"""The data: one block volume, which is kept when a droplet is replaced."""

import pulumi
import pulumi_digitalocean as digitalocean

from auren_infra.settings import Settings


class DataVolume(pulumi.ComponentResource):
    """A block volume. The cloud formats it (ext4) when it creates it. Nothing formats it later.

    Left out on purpose: the attachment, which belongs to `Droplet`, and any formatting on the machine.
    """

    volume: digitalocean.Volume
    device: str
    """The path of the device on a droplet."""

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
