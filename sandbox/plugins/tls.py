"""`tls:index/privateKey:PrivateKey`, as the official plugin makes it: the key lives in the state alone."""

# ruff: noqa: ARG002  the interface's arguments are not needed everywhere

from sandbox.plugins.resource import Operation, Plugin, Resource, State
from sandbox.plugins.schema import Fault, Schema
from sandbox.plugins.values import UNKNOWN, Values

ALGORITHMS = ("RSA", "ECDSA", "ED25519")
CURVES = ("P224", "P256", "P384", "P521")
DEFAULT_CURVE = "P224"
DEFAULT_BITS = 2048
LEAST_BITS = 1024


def plugin() -> Plugin:
    return Plugin("tls", Schema("tls"), {PrivateKey.token: PrivateKey()})


class PrivateKey(Resource):
    """A key pair in several formats; any change creates a new one."""

    token = "tls:index/privateKey:PrivateKey"

    def check(self, inputs: Values) -> list[Fault]:
        faults: list[Fault] = []
        allowed = {"algorithm": ALGORITHMS, "ecdsaCurve": CURVES}
        for name, values in allowed.items():
            if name in inputs and inputs[name] is not UNKNOWN and inputs[name] not in values:
                faults.append(Fault(name, f"expected one of {', '.join(values)}, got {inputs[name]}"))
        bits = inputs.get("rsaBits", DEFAULT_BITS)
        if bits is not UNKNOWN and bits < LEAST_BITS:
            faults.append(Fault("rsaBits", f"an RSA key has at least {LEAST_BITS} bits, got {bits}"))
        return faults

    async def create(self, operation: Operation, inputs: Values) -> State:
        from sandbox.plugins.key_pairs import key_pair

        curve, bits = inputs.get("ecdsaCurve", DEFAULT_CURVE), inputs.get("rsaBits", DEFAULT_BITS)
        key_id, forms = key_pair(inputs["algorithm"], curve, bits)
        return State(key_id, {**inputs, "ecdsaCurve": curve, "rsaBits": bits, **forms})

    async def delete(self, operation: Operation, state: State) -> None:
        """Nothing to delete: the key is only in the state."""
