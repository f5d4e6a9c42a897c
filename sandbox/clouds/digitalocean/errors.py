"""DigitalOcean's refusals: `{id, message, request_id}` with the status codes and the sentences of the real API.

Clients look for some of these sentences ("Droplet already has a pending event", "This volume is already attached"), so
they are the exact texts of the real API.
"""

from fastapi.exceptions import RequestValidationError

_IDS = {
    400: "bad_request",
    401: "Unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    412: "precondition_failed",
    413: "request_entity_too_large",
    422: "unprocessable_entity",
    429: "too_many_requests",
}


class ApiError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    @property
    def id(self) -> str:
        return _IDS.get(self.status, "server_error" if self.status >= 500 else "bad_request")


def not_found() -> ApiError:
    return ApiError(404, "The resource you were accessing could not be found.")


def invalid(message: str) -> ApiError:
    return ApiError(422, message)


def conflict(message: str) -> ApiError:
    return ApiError(409, message)


def pending_event() -> ApiError:
    return ApiError(422, "Droplet already has a pending event.")


def from_validation(error: RequestValidationError) -> ApiError:
    """The first fault of a request that does not have the documented form."""
    fault = error.errors()[0]
    where, *path = fault["loc"]
    if path and isinstance(error.body, dict) and path[0] == error.body.get("type"):
        del path[0]  # the name of the variant, not of a field
    field = ".".join(str(part) for part in path if not (isinstance(part, str) and "[" in part)) or str(where)
    match fault["type"]:
        case "json_invalid":
            return ApiError(400, "unable to parse request body as JSON")
        case "missing":
            return ApiError(422, f"{field} is required" if path else "request body is required")
        case "union_tag_not_found":
            return ApiError(422, "type is required")
        case "union_tag_invalid":
            return ApiError(422, "type is invalid: no such action")
        case "extra_forbidden":
            return ApiError(422, f"{field} is not a known field")
        case _ if where == "path":
            return not_found()
        case _:
            return ApiError(422, f"{field} is invalid: {fault['msg']}")
