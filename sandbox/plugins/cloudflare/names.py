"""The API's names are snake_case, the schema's camelCase."""

import re
from typing import Any


def camel(value: Any) -> Any:
    """The value with every key, at any depth, as the schema writes it."""
    if isinstance(value, dict):
        return {re.sub(r"_([a-z0-9])", lambda m: m[1].upper(), key): camel(item) for key, item in value.items()}
    return [camel(item) for item in value] if isinstance(value, list) else value


def snake(value: Any) -> Any:
    """The value with every key, at any depth, as the API writes it."""
    if isinstance(value, dict):
        return {re.sub(r"([A-Z])", lambda m: "_" + m[1].lower(), key): snake(item) for key, item in value.items()}
    return [snake(item) for item in value] if isinstance(value, list) else value
