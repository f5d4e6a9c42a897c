"""One sentence with the repair, added to the error of a cloud's plugin.

The limits of an account, the stock of a cloud and the rights of a token are known only when a resource is created. The
plugin reports the API's answer unchanged. An error hook of the engine adds the sentence. It changes nothing else: the
resource has failed, its error is shown, and the operation is not repeated.

Left out on purpose: refusals that nobody can repair (an API that answers with 5xx), and `pulumi destroy`, which runs no
program.
"""

import re

import pulumi

from auren_infra.cloud.answers import REFUSALS

HOOK = "auren-refusals"
CLOUDS = {refusal.cloud for refusal in REFUSALS}


def explain(type_: str, name: str, answer: str) -> str:
    """The sentence for an error of the plugin of `type_`; empty when no row matches."""
    cloud = type_.partition(":")[0]
    for refusal in REFUSALS:
        if refusal.cloud == cloud and re.search(refusal.found, answer, re.DOTALL):
            return refusal.sentence.format(name=name)
    return ""


def is_gone(error: Exception) -> bool:
    """Whether a look-up failed because the resource does not exist. The SDK has no error type for that."""
    return bool(re.search(r": 404\b", str(error)))


def explained() -> pulumi.ResourceOptions:
    """Options for components: errors of their resources get a sentence. Call it once, since it registers the hook."""
    hook = pulumi.ErrorHook(HOOK, _tell)
    binding = pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(on_error=[hook]))

    def attach(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if args.type_.partition(":")[0] not in CLOUDS:
            return None  # a component, or a key that is generated locally
        return pulumi.ResourceTransformationResult(args.props, pulumi.ResourceOptions.merge(args.opts, binding))

    return pulumi.ResourceOptions(transformations=[attach])


def _tell(args: pulumi.ErrorHookArgs) -> bool:
    sentence = explain(args.type, args.name, args.errors[0])  # the newest
    if sentence:
        pulumi.log.error(f"{args.name}: {sentence}")
    return False  # do not repeat the operation
