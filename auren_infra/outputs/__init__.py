"""The stack's outputs for others: a contract, and formats of other tools.

`python -m auren_infra outputs` prints the contract's JSON Schema, with `--format` a stack's outputs in a tool's own
format. Nothing here knows Pulumi's resources: `stack` sets the values, and this package defines their names.
"""

from auren_infra.outputs.contract import (
    HIDDEN,
    VERSION,
    Capacity,
    ContainerNetwork,
    Droplet,
    Firewall,
    InboundRule,
    Memory,
    Service,
    Ssh,
    StackOutputs,
    Urls,
    Volume,
    json_schema,
    schema,
)

__all__ = [
    "HIDDEN",
    "VERSION",
    "Capacity",
    "ContainerNetwork",
    "Droplet",
    "Firewall",
    "InboundRule",
    "Memory",
    "Service",
    "Ssh",
    "StackOutputs",
    "Urls",
    "Volume",
    "json_schema",
    "schema",
]
