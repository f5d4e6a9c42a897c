"""What a cloud's refusal means, and what to do: one sentence beside the plugin's own words.

A cloud's limits, its stock and a token's rights cannot be known before they are asked for. Their plugins report the
API's answer as it came; an error hook of the engine's adds the sentence. It changes nothing: the resource has failed,
what it failed with is shown, and nothing is tried again.

Left out on purpose: refusals that no one can mend by hand (an API that answers with 5xx), and `pulumi destroy`, which
runs no program.
"""

import re
from dataclasses import dataclass

import pulumi

HOOK = "auren-refusals"


@dataclass(frozen=True)
class Refusal:
    cloud: str
    """The resources' package."""
    answer: str
    """A regular expression, searched in what the plugin reports; the first that is found counts."""
    sentence: str
    """`{name}` stands for the resource's."""


REFUSALS = (
    Refusal(
        "digitalocean",
        r"\b401\b",
        "DigitalOcean does not know this token: set DIGITALOCEAN_TOKEN to one that is neither revoked nor expired.",
    ),
    Refusal(
        "digitalocean",
        r"droplet limit",
        "The DigitalOcean account may have no more droplets: delete one, or ask DigitalOcean for a higher limit.",
    ),
    Refusal(
        "digitalocean",
        r"limit (was )?(exceeded|reached)",
        "The DigitalOcean account may have no more of this kind: delete one, or ask DigitalOcean for a higher limit.",
    ),
    Refusal(
        "digitalocean",
        r"\b403\b.*(permission|access|authorized|scope)",
        "The DigitalOcean token may not do this: give DIGITALOCEAN_TOKEN read and write, or full access.",
    ),
    Refusal(
        "digitalocean",
        r"[Ss]ize is not available|invalid size",
        "This region has no such droplet: choose another auren:dropletSize, or another auren:region.",
    ),
    Refusal(
        "digitalocean",
        r"invalid region|[Rr]egion is not available",
        "DigitalOcean has no such region, or makes nothing new there: choose another auren:region, such as nyc3.",
    ),
    Refusal(
        "digitalocean",
        r"invalid image|image is not available",
        "DigitalOcean has no such image: choose another auren:dropletImage, such as ubuntu-22-04-x64.",
    ),
    Refusal(
        "digitalocean",
        r"range/size overlaps",
        "Another VPC of the account, or DigitalOcean itself, has these addresses: choose another auren:vpcRange.",
    ),
    Refusal(
        "digitalocean",
        r"already exists|duplicate name|already in use",
        "The account has one named {name} that this stack did not make: rename or delete it, then `pulumi up`.",
    ),
    Refusal(
        "digitalocean",
        r"pending event",
        "The droplet is busy with something that somebody else began: let it end, then `pulumi up`.",
    ),
    Refusal(
        "digitalocean",
        r"VPC with members",
        "Something that this stack did not make is in the VPC {name}: move or delete it, then `pulumi up`.",
    ),
    Refusal(
        "cloudflare",
        r"code\W{1,4}9109\b.*Unauthorized to access",  # the same code as for an unknown token: first
        "The Cloudflare token may not do this: give it Zone:Read and DNS:Edit for the zone.",
    ),
    Refusal(
        "cloudflare",
        r"code\W{1,4}(1000|6003|6111|9106|9109)\b|\b401\b",
        "Cloudflare does not know this token: set CLOUDFLARE_API_TOKEN to one that is neither revoked nor expired.",
    ),
    Refusal(
        "cloudflare",
        r"\b403\b|code\W{1,4}10000\b",
        "The Cloudflare token may not do this: give it Zone:Read and DNS:Edit for the zone.",
    ),
    Refusal(
        "cloudflare",
        r"code\W{1,4}8105[3-8]\b",
        "The zone has a record named {name} that this stack did not make: delete it at Cloudflare, then `pulumi up`.",
    ),
    Refusal(
        "cloudflare",
        r"code\W{1,4}(7003|1001)\b",
        "The zone is gone from the account: add it again, or change auren:cloudflareZone.",
    ),
)

CLOUDS = {refusal.cloud for refusal in REFUSALS}


def explain(type_: str, name: str, answer: str) -> str:
    """The sentence for what the plugin of `type_` reports; empty when nobody wrote one."""
    cloud = type_.partition(":")[0]
    for refusal in REFUSALS:
        if refusal.cloud == cloud and re.search(refusal.answer, answer, re.DOTALL):
            return refusal.sentence.format(name=name)
    return ""


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
