"""What others read: the stack's outputs as a contract, and ready-made for tools that people use.

`python -m auren_infra outputs` prints the contract's JSON Schema, with `--format` a stack's outputs in a tool's own
format. Nothing here knows of Pulumi's resources: `stack` hands the values out, this says what they are called.
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
