"""`random:index/…`: values made once by the system's random generator and kept in the state.

Of the official plugin's types those that are used here: RandomPassword, RandomString and RandomId.
"""

# ruff: noqa: ARG002  the interface's arguments are not needed everywhere

import base64
import secrets
import string

from sandbox.plugins.resource import Operation, Plugin, Resource, State
from sandbox.plugins.schema import Fault, Schema
from sandbox.plugins.values import Values, contains_unknown

SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
CLASSES = {
    "Upper": string.ascii_uppercase,
    "Lower": string.ascii_lowercase,
    "Numeric": string.digits,
    "Special": SPECIAL,
}
BCRYPT_LIMIT = 72
"""Bytes: bcrypt sees no more of a password."""


def plugin() -> Plugin:
    resources = (RandomPassword(), RandomString(), RandomId())
    return Plugin("random", Schema("random"), {resource.token: resource for resource in resources})


class RandomText(Resource):
    """Text of a given length with at least so many characters of each kind; any change makes a new one."""

    def check(self, inputs: Values) -> list[Fault]:
        if contains_unknown(inputs):
            return []
        least = sum(inputs.get(f"min{kind}", 0) for kind in CLASSES)
        length = inputs["length"]
        faults: list[Fault] = []
        if length < max(1, least):
            faults.append(Fault("length", f"Attribute length value must be at least {max(1, least)}, got: {length}"))
        if not _alphabet(_chosen(inputs), inputs):
            faults.append(Fault("", "At least one of upper, lower, numeric and special must be true"))
        return faults

    async def delete(self, operation: Operation, state: State) -> None:
        """It is in the state alone, and goes with it."""


class RandomPassword(RandomText):
    """A password; `result` and its `bcryptHash` are secret."""

    token = "random:index/randomPassword:RandomPassword"

    async def create(self, operation: Operation, inputs: Values) -> State:
        import bcrypt  # native code that nothing else here needs

        result, outputs = _text(inputs)
        hashed = bcrypt.hashpw(result.encode()[:BCRYPT_LIMIT], bcrypt.gensalt(10)).decode()
        return State("none", {**outputs, "bcryptHash": hashed})


class RandomString(RandomText):
    """Text that is no secret: its id is the text itself."""

    token = "random:index/randomString:RandomString"

    async def create(self, operation: Operation, inputs: Values) -> State:
        result, outputs = _text(inputs)
        return State(result, outputs)


class RandomId(Resource):
    """Random bytes in several notations, each behind `prefix`."""

    token = "random:index/randomId:RandomId"

    def check(self, inputs: Values) -> list[Fault]:
        length = inputs["byteLength"]
        if isinstance(length, int) and length < 1:
            return [Fault("byteLength", f"Attribute byteLength value must be at least 1, got: {length}")]
        return []

    async def create(self, operation: Operation, inputs: Values) -> State:
        data = secrets.token_bytes(inputs["byteLength"])
        identifier = base64.urlsafe_b64encode(data).decode().rstrip("=")
        notations = {
            "b64Std": base64.b64encode(data).decode(),
            "b64Url": identifier,
            "dec": str(int.from_bytes(data)),
            "hex": data.hex(),
        }
        prefix = inputs.get("prefix", "")
        return State(identifier, {**inputs, **{name: prefix + text for name, text in notations.items()}})

    async def delete(self, operation: Operation, state: State) -> None:
        """It is in the state alone, and goes with it."""


def _text(inputs: Values) -> tuple[str, Values]:
    """A new text, and the properties of its resource with what was left out filled in."""
    chosen = _chosen(inputs)
    least = {f"min{kind}": inputs.get(f"min{kind}", 0) for kind in CLASSES}
    generator = secrets.SystemRandom()
    characters = [
        generator.choice(alphabet) for kind, alphabet in _alphabets(inputs).items() for _ in range(least[f"min{kind}"])
    ]
    everything = _alphabet(chosen, inputs)
    characters += [generator.choice(everything) for _ in range(inputs["length"] - len(characters))]
    generator.shuffle(characters)
    result = "".join(characters)
    return result, {**inputs, **chosen, "number": chosen["numeric"], **least, "result": result}


def _chosen(inputs: Values) -> dict[str, bool]:
    """Which kinds of characters; `number` is the old name of `numeric`."""
    chosen = {kind.lower(): inputs.get(kind.lower(), True) for kind in CLASSES}
    return chosen | {"numeric": inputs.get("numeric", inputs.get("number", True))}


def _alphabets(inputs: Values) -> dict[str, str]:
    return CLASSES | {"Special": inputs.get("overrideSpecial") or SPECIAL}


def _alphabet(chosen: dict[str, bool], inputs: Values) -> str:
    return "".join(alphabet for kind, alphabet in _alphabets(inputs).items() if chosen[kind.lower()])
