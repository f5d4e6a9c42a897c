"""The toy plugin's SDK, imported by the programs under test."""

from typing import Any

import pulumi


class Car(pulumi.CustomResource):
    plate: pulumi.Output[str]
    key: pulumi.Output[str]
    mileage: pulumi.Output[int]
    name: pulumi.Output[str]
    owner: pulumi.Output[str]
    notes: pulumi.Output[dict[str, str]]

    def __init__(self, resource_name: str, /, opts: pulumi.ResourceOptions | None = None, **given: Any) -> None:
        properties = dict.fromkeys(("name", "plate", "key", "mileage", "owner", "notes"))
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(version="1.0.0"), opts)
        super().__init__("toy:index/car:Car", resource_name, {**properties, **given}, options)
