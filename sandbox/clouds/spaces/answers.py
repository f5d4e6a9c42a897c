"""Answers of Spaces that the object store behind it does not give, or gives otherwise: S3's XML."""

import re
import uuid
from collections.abc import Callable
from xml.sax.saxutils import escape

from fastapi.responses import Response

_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_CODES = {
    400: "InvalidRequest",
    403: "AccessDenied",
    404: "NoSuchKey",
    405: "MethodNotAllowed",
    409: "OperationAborted",
    429: "TooManyRequests",
    500: "InternalError",
    503: "SlowDown",
}
_BUCKET = re.compile(rb"<Bucket>.*?<Name>([^<]*)</Name>.*?</Bucket>", re.DOTALL)


def refusal(status: int, message: str, *, code: str | None = None, resource: str = "") -> Response:
    """An error with S3's code for the status, unless another one is given."""
    code = code or _CODES.get(status, "InternalError" if status >= 500 else "InvalidRequest")
    request = uuid.uuid4().hex
    text = (
        f"{_XML}<Error><Code>{code}</Code><Message>{escape(message)}</Message><Resource>{escape(resource)}</Resource>"
        f"<RequestId>{request}</RequestId><HostId>{request}</HostId></Error>"
    )
    headers = {"x-amz-request-id": request}
    return Response(text, status_code=status, headers=headers, media_type="application/xml")


def location(region: str) -> bytes:
    return f'{_XML}<LocationConstraint xmlns="{_NAMESPACE}">{region}</LocationConstraint>'.encode()


def only_buckets(listing: bytes, wanted: Callable[[str], bool]) -> bytes:
    """A list of buckets without those that are not wanted."""
    return _BUCKET.sub(lambda found: found[0] if wanted(found[1].decode()) else b"", listing)
