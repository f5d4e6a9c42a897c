"""The S3 API of Spaces as the official plugin calls it: its keys, endpoints and error texts."""

import asyncio
import os
from collections.abc import Mapping
from typing import Any

from sandbox.plugins.resource import RefusedError
from sandbox.plugins.values import Values

PROXY = "SANDBOX_SPACES_PROXY"
"""The variable with the proxy that leads to the simulated Spaces, whose names this machine cannot resolve."""
_ENDPOINT = "https://{{.Region}}.digitaloceanspaces.com"


class S3Error(RefusedError):
    """A refusal, worded as the official plugin's SDK words it."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        error, about = answer.get("Error", {}), answer.get("ResponseMetadata", {})
        self.status: int = about.get("HTTPStatusCode", 0)
        # A HEAD has no body to read a code from.
        self.code: str = "NotFound" if error.get("Code") == "404" else str(error.get("Code"))
        super().__init__(
            f"{self.code}: {error.get('Message', '')}\n\tstatus code: {self.status}, "
            f"request id: {about.get('RequestId', '')}, host id: {about.get('HostId', '')}"
        )


class SpacesClient:
    """One plugin's way to buckets. Keys are needed once it is used, not before."""

    def __init__(self) -> None:
        self._configuration: Values = {}
        self._clients: dict[str, Any] = {}

    def configure(self, configuration: Values) -> None:
        self._configuration = configuration

    async def call(self, region: str, operation: str, **arguments: Any) -> Values:
        """For example `create_bucket`. Raises `S3Error` for a refusal."""
        from botocore.exceptions import BotoCoreError, ClientError  # takes longer than the rest of a plugin's start

        client = self._client(region.lower())
        try:
            return await asyncio.to_thread(getattr(client, operation), **arguments)
        except ClientError as error:
            raise S3Error(error.response) from error
        except BotoCoreError as error:
            raise RefusedError(f"RequestError: send request failed\ncaused by: {error}") from error

    def _client(self, region: str) -> Any:
        import botocore.session
        from botocore.config import Config

        access, secret = self._keys()
        if region not in self._clients:
            proxy = os.environ.get(PROXY)
            self._clients[region] = botocore.session.Session().create_client(
                "s3",
                # The official plugin signs for this region, whatever the bucket's is.
                region_name="us-east-1",
                endpoint_url=self._endpoint().replace("{{.Region}}", region),
                verify=os.environ.get("SSL_CERT_FILE") or True,
                aws_access_key_id=access,
                aws_secret_access_key=secret,
                config=Config(
                    proxies={"https": proxy} if proxy else None,
                    s3={"addressing_style": "virtual"},
                    retries={"total_max_attempts": 4},
                    request_checksum_calculation="when_required",
                ),
            )
        return self._clients[region]

    def _keys(self) -> tuple[str, str]:
        access = self._configuration.get("spacesAccessId") or os.environ.get("SPACES_ACCESS_KEY_ID")
        secret = self._configuration.get("spacesSecretKey") or os.environ.get("SPACES_SECRET_ACCESS_KEY")
        if not access or not secret:
            raise RefusedError("Spaces credentials not configured")
        return access, secret

    def _endpoint(self) -> str:
        given = self._configuration.get("spacesEndpoint") or os.environ.get("SPACES_ENDPOINT_URL") or _ENDPOINT
        if "{{" in given.replace("{{.Region}}", ""):
            raise RefusedError(f"unable to parse spaces_endpoint '{given}' as template: only {{{{.Region}}}} is known")
        return given
