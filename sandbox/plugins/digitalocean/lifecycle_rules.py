"""Lifecycle rules of a bucket: Pulumi's form and S3's."""

import uuid
from collections.abc import Mapping
from datetime import date
from typing import Any

from sandbox.plugins.values import UNKNOWN, Values

_MADE = "tf-s3-lifecycle-"
"""The beginning of an id that the provider makes for a rule without one."""
_ID_LENGTH = 255


def fault_of(rule: Values) -> str | None:
    """What the official provider refuses; None for a rule that it sends."""
    if len(str(rule.get("id") or "")) > _ID_LENGTH:
        return f"expected length of id to be in the range (0 - {_ID_LENGTH})"
    expiration, noncurrent = rule.get("expiration") or {}, rule.get("noncurrentVersionExpiration") or {}
    if isinstance(days := expiration.get("days"), int) and days < 0:
        return f"expected days to be at least (0), got {days}"
    if isinstance(days := noncurrent.get("days"), int) and days < 1:
        return f"expected days to be at least (1), got {days}"
    if isinstance(day := expiration.get("date"), str) and day is not UNKNOWN:
        try:
            date.fromisoformat(day)
        except ValueError:
            return f'"{day}" cannot be parsed as RFC3339 Timestamp Format'
    return None


def generated(rule: Values) -> Values:
    """The rule without an id that nobody gave."""
    return {key: value for key, value in rule.items() if key != "id" or not str(value).startswith(_MADE)}


def rule_to(rule: Values) -> Values:
    """For S3."""
    made: Values = {
        "ID": rule.get("id") or f"{_MADE}{uuid.uuid4().hex}",
        "Filter": {"Prefix": rule.get("prefix") or ""},
        "Status": "Enabled" if rule["enabled"] else "Disabled",
    }
    if days := rule.get("abortIncompleteMultipartUploadDays"):
        made["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": days}
    if expiration := rule.get("expiration"):
        # One of them, in this order, whatever else is given.
        if expiration.get("date"):
            made["Expiration"] = {"Date": expiration["date"]}
        elif expiration.get("days"):
            made["Expiration"] = {"Days": expiration["days"]}
        else:
            marker = bool(expiration.get("expiredObjectDeleteMarker"))
            made["Expiration"] = {"ExpiredObjectDeleteMarker": marker}
    if days := (rule.get("noncurrentVersionExpiration") or {}).get("days"):
        made["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
    return made


def rule_of(rule: Mapping[str, Any]) -> Values:
    """As S3 answers it."""
    made: Values = {"id": rule.get("ID"), "enabled": rule.get("Status") == "Enabled"}
    made["prefix"] = rule.get("Filter", {}).get("Prefix") or rule.get("Prefix") or None
    made["abortIncompleteMultipartUploadDays"] = rule.get("AbortIncompleteMultipartUpload", {}).get(
        "DaysAfterInitiation"
    )
    if expiration := rule.get("Expiration"):
        day = expiration.get("Date")
        made["expiration"] = {
            "date": day.strftime("%Y-%m-%d") if day else None,
            "days": expiration.get("Days"),
            "expiredObjectDeleteMarker": expiration.get("ExpiredObjectDeleteMarker"),
        }
        made["expiration"] = {key: value for key, value in made["expiration"].items() if value is not None}
    if noncurrent := rule.get("NoncurrentVersionExpiration"):
        made["noncurrentVersionExpiration"] = {"days": noncurrent.get("NoncurrentDays")}
    return {key: value for key, value in made.items() if value is not None}
