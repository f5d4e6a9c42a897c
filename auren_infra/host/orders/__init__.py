"""All that a machine is told to do: each command is a value, with what is sent and how that is read back in one place.

`Machine.run` sends an order. `read` gives it back, from what the stack's state or a preview shows.
"""

from auren_infra.call import Call
from auren_infra.host.orders.files import PutFile, PutImageTree, PutSecret, PutTree, RemoveFile
from auren_infra.host.orders.order import Order
from auren_infra.host.orders.services import (
    BackUp,
    BackUpFirst,
    Fill,
    Jobs,
    KafkaTopics,
    Programs,
    Reload,
    Retire,
    Sqlite,
    Stage,
    Start,
    StartFirst,
    Supervision,
    Switch,
    Tidy,
)
from auren_infra.host.orders.system import (
    ContainerFirewall,
    DataDisk,
    DockerEngine,
    DockerNetwork,
    LogRotation,
    MachineFirewall,
    SystemUpdates,
    WaitReady,
)

__all__ = [
    "ORDERS",
    "BackUp",
    "BackUpFirst",
    "ContainerFirewall",
    "DataDisk",
    "DockerEngine",
    "DockerNetwork",
    "Fill",
    "Jobs",
    "KafkaTopics",
    "LogRotation",
    "MachineFirewall",
    "Order",
    "Programs",
    "PutFile",
    "PutImageTree",
    "PutSecret",
    "PutTree",
    "Reload",
    "RemoveFile",
    "Retire",
    "Sqlite",
    "Stage",
    "Start",
    "StartFirst",
    "Supervision",
    "Switch",
    "SystemUpdates",
    "Tidy",
    "WaitReady",
    "read",
]

ORDERS: dict[str, type[Order]] = {
    order.id: order
    for order in (
        *(WaitReady, DataDisk, DockerEngine, DockerNetwork, ContainerFirewall, MachineFirewall, LogRotation),
        *(SystemUpdates, PutFile, RemoveFile, PutSecret, PutTree, PutImageTree),
        *(Stage, Retire, Programs, Supervision, StartFirst, Switch, Reload, KafkaTopics, Sqlite, Tidy),
        *(Fill, BackUpFirst, BackUp, Jobs),
    )
}
"""By id."""


def read(call: Call) -> Order:
    """The order that was sent so. Raises `ValueError` when this program does not know it."""
    if call.id not in ORDERS:
        raise ValueError(f"{call.id or 'a command without AUREN_ORDER'} is no order that this program knows")
    return ORDERS[call.id].parse(call.arguments, call.data)
