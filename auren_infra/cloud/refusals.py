"""What a cloud's refusal means, and what to do: one sentence beside the plugin's own words.

A cloud's limits, its stock and a token's rights cannot be known before they are asked for. Their plugins report the
API's answer as it came; an error hook of the engine's adds the sentence. It changes nothing: the resource has failed,
what it failed with is shown, and nothing is tried again.

Left out on purpose: refusals that nobody can repair (an API that answers with 5xx), and `pulumi destroy`, which runs no
program.
"""

import re

import pulumi

from auren_infra.cloud.answers import REFUSALS

HOOK = "auren-refusals"
CLOUDS = {refusal.cloud for refusal in REFUSALS}


def explain(type_: str, name: str, answer: str) -> str:
    """The sentence for what the plugin of `type_` reports; empty when nobody wrote one."""
    cloud = type_.partition(":")[0]
    for refusal in REFUSALS:
        if refusal.cloud == cloud and re.search(refusal.found, answer, re.DOTALL):
            return refusal.sentence.format(name=name)
    return ""


def is_gone(error: Exception) -> bool:
    """Whether a look-up failed because there is no such thing. The SDK has no error of its own for that."""
    return bool(re.search(r": 404\b", str(error)))


def explained() -> pulumi.ResourceOptions:
    """Options for the components whose resources' failures are to be explained; ask once, since it makes the hook."""
    hook = pulumi.ErrorHook(HOOK, _tell)
    binding = pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(on_error=[hook]))

    def attach(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if args.type_.partition(":")[0] not in CLOUDS:
            return None  # a component, or a key that is made here
        return pulumi.ResourceTransformationResult(args.props, pulumi.ResourceOptions.merge(args.opts, binding))

    return pulumi.ResourceOptions(transformations=[attach])


def _tell(args: pulumi.ErrorHookArgs) -> bool:
    sentence = explain(args.type, args.name, args.errors[0])  # the newest
    if sentence:
        pulumi.log.error(f"{args.name}: {sentence}")
    return False  # not again
