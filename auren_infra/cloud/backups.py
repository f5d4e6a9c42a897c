"""The bucket of the backups, and the keys that machines use it, and another stack's, with."""

import pulumi
import pulumi_digitalocean as digitalocean

from auren_infra.services.backups import KEY, KEY_ID, SOURCE_KEY, SOURCE_KEY_ID
from auren_infra.services.model import Issued
from auren_infra.settings import Settings
from auren_infra.settings.backups import Bucket


class BackupSpace(pulumi.ComponentResource):
    """A bucket of Spaces that keeps what is deleted or overwritten in it, as long as backups are kept.

    Spaces has no key that can only write. A machine has a key that can read, write and delete in this bucket. What it
    deletes can be had again: earlier versions are the bucket owner's, whose key is in the stack's state alone.
    """

    issued: dict[Issued, pulumi.Output[str]]
    """The machines' key."""

    def __init__(
        self, name: str, settings: Settings, chosen: Bucket, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("auren:cloud:BackupSpace", name, None, opts)
        owner = digitalocean.SpacesKey(
            f"{name}-backups-owner",
            name=f"{settings.name}-backups-owner",
            grants=[digitalocean.SpacesKeyGrantArgs(bucket="", permission="fullaccess")],
            opts=pulumi.ResourceOptions(parent=self),
        )
        spaces = digitalocean.Provider(
            f"{name}-spaces",
            spaces_access_id=owner.access_key,
            spaces_secret_key=owner.secret_key,
            opts=pulumi.ResourceOptions(parent=self),
        )
        kept_days = digitalocean.SpacesBucketLifecycleRuleNoncurrentVersionExpirationArgs(days=settings.backup_days)
        bucket = digitalocean.SpacesBucket(
            f"{name}-backups",
            name=chosen.name,
            region=chosen.region,
            versioning=digitalocean.SpacesBucketVersioningArgs(enabled=True),
            lifecycle_rules=[
                digitalocean.SpacesBucketLifecycleRuleArgs(
                    enabled=True,
                    abort_incomplete_multipart_upload_days=7,
                    noncurrent_version_expiration=kept_days,
                )
            ],
            force_destroy=not settings.protect_data,
            opts=pulumi.ResourceOptions(
                parent=self, provider=spaces, protect=settings.protect_data, retain_on_delete=settings.protect_data
            ),
        )
        machine = digitalocean.SpacesKey(
            f"{name}-backups",
            name=f"{settings.name}-backups",
            grants=[digitalocean.SpacesKeyGrantArgs(bucket=bucket.name, permission="readwrite")],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.issued = {KEY_ID: machine.access_key, KEY: machine.secret_key}
        self.register_outputs({})


class SourceSpace(pulumi.ComponentResource):
    """A key that can only read the bucket of Spaces that another stack of the same account has made."""

    issued: dict[Issued, pulumi.Output[str]]
    """The key."""

    def __init__(
        self, name: str, settings: Settings, source: Bucket, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("auren:cloud:SourceSpace", name, None, opts)
        key = digitalocean.SpacesKey(
            f"{name}-restore",
            name=f"{settings.name}-restore",
            grants=[digitalocean.SpacesKeyGrantArgs(bucket=source.name, permission="read")],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.issued = {SOURCE_KEY_ID: key.access_key, SOURCE_KEY: key.secret_key}
        self.register_outputs({})
