"""Cloudflare's refusals, with the codes of the real API, in its envelope."""

from dataclasses import dataclass
from typing import Any

from fastapi.exceptions import RequestValidationError


@dataclass(frozen=True)
class Fault:
    code: int
    message: str
    chain: tuple["Fault", ...] = ()

    def json(self) -> dict[str, Any]:
        chain = {"error_chain": [fault.json() for fault in self.chain]} if self.chain else {}
        return {"code": self.code, "message": self.message} | chain


class ApiError(Exception):
    def __init__(self, status: int, code: int, message: str, *chain: Fault) -> None:
        super().__init__(message)
        self.status = status
        self.faults = (Fault(code, message, chain),)


def envelope(result: Any, info: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = {"result": result, "success": True, "errors": [], "messages": []}
    return answer | ({"result_info": info} if info else {})


def refusal(error: ApiError) -> dict[str, Any]:
    return {"result": None, "success": False, "errors": [fault.json() for fault in error.faults], "messages": []}


def invalid(code: int, message: str) -> ApiError:
    return ApiError(400, code, message)


def no_route(path: str) -> ApiError:
    """For a path that nothing answers, and for an identifier that is not 32 hexadecimal digits."""
    return ApiError(
        400,
        7003,
        f"Could not route to {path}, perhaps your object identifier is invalid?",
        Fault(7000, "No route for that URI"),
    )


def from_validation(error: RequestValidationError) -> ApiError:
    """The first fault of a request that does not have the documented form."""
    fault = error.errors()[0]
    where, *path = fault["loc"]
    field = ".".join(str(part) for part in path) or str(where)
    match fault["type"]:
        case "json_invalid":
            return invalid(9207, "Request body is invalid.")
        case "missing":
            return invalid(
                9207, f"Request body is missing the field {field!r}." if path else "Request body is invalid."
            )
        case "extra_forbidden":
            return invalid(9207, f"Request body has the unknown field {field!r}.")
        case _:
            return invalid(1004, f"DNS Validation Error: {field}: {fault['msg']}")
