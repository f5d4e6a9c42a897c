"""The machine: one droplet with its address and its data volume. Its host key is generated before the droplet."""

from typing import Protocol

import pulumi
import pulumi_digitalocean as digitalocean
import pulumi_tls as tls

from auren_infra.cloud.network import Network
from auren_infra.cloud.volumes import DataVolume
from auren_infra.files.cloud_init import user_data
from auren_infra.settings import Settings


class BeforeResize(Protocol):
    """Creates the hook that runs before the droplet is resized. The arguments say how to log in to the droplet."""

    def __call__(
        self, name: str, *, address: pulumi.Output[str], private_key: pulumi.Output[str], host_key: pulumi.Output[str]
    ) -> pulumi.ResourceHook: ...


class Droplet(pulumi.ComponentResource):
    """A droplet behind the network's firewall and address, with the data volume attached.

    A change of the image, region, VPC or keys replaces the droplet. The old one is deleted first, because a volume can
    be attached to one droplet only. The droplet itself holds no data that must be kept.
    """

    droplet: digitalocean.Droplet
    attachment: digitalocean.VolumeAttachment
    address: pulumi.Output[str]
    """Known when it is assigned to this droplet."""
    private_key: pulumi.Output[str]
    """Logs in as root, OpenSSH format; secret. Empty with `auren:deployKey`: an SSH agent holds the key."""
    host_key: pulumi.Output[str]
    """The public host key, authorized_keys format."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        network: Network,
        data: DataVolume,
        opts: pulumi.ResourceOptions | None = None,
        *,
        before_resize: BeforeResize,
    ) -> None:
        super().__init__("auren:cloud:Droplet", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        host_key = tls.PrivateKey(f"{name}-host", algorithm="ED25519", opts=child)
        public_key: pulumi.Input[str] = " ".join(settings.deploy_key.split()[:2])  # without the comment
        self.private_key = pulumi.Output.from_input("")
        if not settings.deploy_key:
            deploy_key = tls.PrivateKey(f"{name}-deploy", algorithm="ED25519", opts=child)
            public_key = deploy_key.public_key_openssh.apply(str.strip)
            self.private_key = deploy_key.private_key_openssh
        ssh_key = digitalocean.SshKey(name, name=name, public_key=public_key, opts=child)
        self.host_key = host_key.public_key_openssh.apply(str.strip)
        address = network.addresses[name]
        resize = before_resize(name, address=address, private_key=self.private_key, host_key=self.host_key)
        self.droplet = digitalocean.Droplet(
            name,
            name=name,
            region=settings.region,
            size=settings.droplet_size,
            image=settings.droplet_image,
            vpc_uuid=network.vpc_id,
            ssh_keys=[ssh_key.id],
            user_data=pulumi.Output.all(host_key.private_key_openssh, host_key.public_key_openssh).apply(
                lambda keys: user_data(*keys)
            ),
            tags=[network.tag],
            monitoring=True,
            # Containers are stopped before (host.data_disk, host.resize). A machine that hangs would never shut down.
            graceful_shutdown=False,
            resize_disk=False,  # a larger disk cannot become smaller, and the data is on the volume
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[network.firewall],
                delete_before_replace=True,
                hooks=pulumi.ResourceHookBinding(before_update=[resize]),
            ),
        )
        self.attachment = digitalocean.VolumeAttachment(
            name,
            volume_id=data.volume.id,
            droplet_id=self.droplet.id.apply(int),
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
        assignment = digitalocean.ReservedIpAssignment(
            name,
            ip_address=address,
            droplet_id=self.droplet.id.apply(int),
            # A droplet accepts one action at a time and refuses a second one.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.attachment], delete_before_replace=True),
        )
        self.address = assignment.ip_address
        self.register_outputs({"id": self.droplet.id, "address": self.address})
