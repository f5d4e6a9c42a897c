"""What a bill and a person can tell apart: tags."""

from collections.abc import Iterable

from policy.resource import Resource, Rule

TAGGABLE = frozenset(
    f"digitalocean:index/{name[0].lower()}{name[1:]}:{name}"
    for name in (
        "AgentPlatformAgent",
        "AgentPlatformCustomModel",
        "AgentPlatformKnowledgeBase",
        "CustomImage",
        "DatabaseCluster",
        "DatabaseReplica",
        "Droplet",
        "Firewall",
        "GradientaiAgent",
        "GradientaiKnowledgeBase",
        "KubernetesCluster",
        "KubernetesNodePool",
        "Microvm",
        "MonitorAlert",
        "Nfs",
        "VectorDatabase",
        "Volume",
        "VolumeSnapshot",
    )
)
"""All that DigitalOcean lets carry tags, as its SDK has it. Cloudflare gives none to DNS records in its free plan."""


def _untagged(resource: Resource) -> Iterable[str]:
    # A tag, or the whole list, that is known only after the update is one nevertheless.
    if resource.type in TAGGABLE and not resource.properties.get("tags"):
        yield "Give it the stack's tag: `tags=[…]`."


RULES = (Rule("untagged", "What can carry tags has one.", _untagged),)
