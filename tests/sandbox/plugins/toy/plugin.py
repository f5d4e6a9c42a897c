"""A provider plugin whose cloud is a folder of JSON files: what the machinery does can be seen without a network.

Run by the engine as `python plugin.py FOLDER ENGINE_ADDRESS`. Creating `fails` once the car stands, or before.
"""

import asyncio
import json
import sys
import uuid
from pathlib import Path

from sandbox.plugins.resource import Function, Operation, Plugin, RefusedError, Resource, Severity, State
from sandbox.plugins.schema import Fault, Schema
from sandbox.plugins.server import serve
from sandbox.plugins.values import Values


class Car(Resource):
    token = "toy:index/car:Car"
    autoname = "name"
    renewed = frozenset({"mileage"})

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def check(self, inputs: Values) -> list[Fault]:
        return [Fault("seats", "a car has a seat")] if inputs["seats"] == 0 else []

    async def create(self, operation: Operation, inputs: Values) -> State:
        if inputs.get("fails") == "before":
            raise RefusedError("the factory is on strike")
        car_id = uuid.uuid4().hex
        state = self._store(
            car_id, {"owner": "nobody", "plate": f"P-{car_id[:4]}", "key": "k3y", "mileage": 0} | inputs
        )
        operation.made(state)
        await operation.log(Severity.INFO, "the paint is drying")
        if inputs.get("fails") == "after":
            raise RefusedError("the tyres are flat")
        if inputs.get("fails") == "slowly":
            await asyncio.sleep(60)
        return state

    async def read(self, operation: Operation, state: State) -> State | None:
        file = self._folder / f"{state.id}.json"
        return State(state.id, json.loads(file.read_text())) if file.exists() else None

    async def update(self, operation: Operation, state: State, inputs: Values) -> State:
        if inputs.get("fails"):
            raise RefusedError("the garage is closed")
        kept = {name: state.outputs[name] for name in ("plate", "key", "owner")}
        return self._store(state.id, kept | {"mileage": state.outputs["mileage"] + 1} | inputs)

    async def delete(self, operation: Operation, state: State) -> None:
        (self._folder / f"{state.id}.json").unlink(missing_ok=True)

    def _store(self, car_id: str, outputs: Values) -> State:
        (self._folder / f"{car_id}.json").write_text(json.dumps(outputs))
        return State(car_id, outputs)


class GetShelf(Function):
    token = "toy:index/getShelf:getShelf"

    async def call(self, arguments: Values) -> Values:
        if arguments["room"] == "attic":
            raise RefusedError("nobody goes to the attic")
        return {"room": arguments["room"], "boxes": 3}


def toy(folder: Path) -> Plugin:
    schema = Schema("toy", Path(__file__).parent)
    return Plugin("toy", schema, {Car.token: Car(folder)}, {GetShelf.token: GetShelf()}, version="1.0.0")


if __name__ == "__main__":
    sys.exit(serve(toy(Path(sys.argv[1])), sys.argv[2:]))
