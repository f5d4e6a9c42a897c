"""The stack's secrets: passwords that are generated once, and what somebody gave."""

import base64
import hmac
import json
from collections.abc import Mapping

import pulumi
import pulumi_random as random

from auren_infra.blueprint import Blueprint
from auren_infra.services.model import Generated, Given, Issued, Secret, SecretFile
from auren_infra.settings.secrets import Login

_BEFORE = "auren:host:Configuration"
"""The component that had the passwords once. By an alias they stay what they are."""
_DOCKER_HUB = "https://index.docker.io/v1/"
"""What Docker keeps a login at docker.io under."""


class Secrets(pulumi.ComponentResource):
    """Passwords, made once a stack, and the key of the digests that tell whether a secret changed.

    The passwords are protected with the data volume: a database keeps the password that it was made with. The digests'
    key is not. With another one, containers that read secrets start anew, and nothing is lost.
    """

    key: pulumi.Output[str]
    """Of `digest`; it is on no machine."""

    def __init__(
        self,
        name: str,
        blueprint: Blueprint,
        issued: Mapping[Issued, pulumi.Output[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`issued` are the secrets that clouds have issued."""
        super().__init__("auren:secrets:Secrets", name, None, opts)
        settings = blueprint.settings
        files = [file for service in blueprint.services for file in service.secrets]
        self._issued = issued
        self._given = {
            given: pulumi.Output.secret(value.get_secret_value()) for given, value in settings.secrets.items()
        }
        self._generated = {
            password: self._password(
                password,
                pulumi.ResourceOptions(
                    parent=self,
                    protect=settings.protect_data,
                    aliases=[
                        pulumi.Alias(
                            parent=f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{_BEFORE}::{name}"
                        )
                    ],
                ),
            )
            for password in sorted({file.secret.name for file in files if isinstance(file.secret, Generated)})
        }
        self.key = self._password(KEY, pulumi.ResourceOptions(parent=self))
        self.register_outputs({})

    def _password(self, name: str, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
        # 190 bits without a character that a URL, a shell or a configuration file would quote.
        return random.RandomPassword(name, length=32, special=False, opts=opts).result

    def text(self, file: SecretFile) -> pulumi.Output[str]:
        """What the file holds."""
        return self._value(file.secret).apply(lambda secret: file.template.format(secret=secret))

    def _value(self, secret: Secret) -> pulumi.Output[str]:
        match secret:
            case Generated(name):
                return self._generated[name]
            case Given(name):
                return self._given[name]
            case Issued():
                return self._issued[secret]

    def logins(self, registries: Mapping[str, Login]) -> pulumi.Output[str]:
        """Docker's `config.json` with these logins."""
        passwords = {host: self._given[login.secret] for host, login in registries.items()}
        users = {host: login.user for host, login in registries.items()}
        return pulumi.Output.all(**passwords).apply(lambda known: docker_config(users, known))

    def digest(self, text: pulumi.Output[str]) -> pulumi.Output[str]:
        """Twelve digits that change with the text. Without the key, nobody can try out which text they are of."""
        known = pulumi.Output.all(self.key, text)
        return pulumi.Output.unsecret(known.apply(lambda both: digest(both[0], both[1])))


KEY = "digests"
"""The resource that is the key of the digests."""


def digest(key: str, text: str) -> str:
    """HMAC-SHA256, its first twelve digits."""
    return hmac.new(key.encode(), text.encode(), "sha256").hexdigest()[:12]


def docker_config(users: Mapping[str, str], passwords: Mapping[str, str]) -> str:
    """`users` and `passwords` by registry."""
    logins = {
        _DOCKER_HUB if host == "docker.io" else host: {
            "auth": base64.b64encode(f"{user}:{passwords[host]}".encode()).decode()
        }
        for host, user in users.items()
    }
    return json.dumps({"auths": logins}, indent=2) + "\n"
