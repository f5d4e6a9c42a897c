"""The rules by what they are about: pure functions from resources to what is wrong with them, nothing of Pulumi."""

from policy.rules import connections, containers, cost, data, network, secrets, tags

RULES = (*network.RULES, *data.RULES, *connections.RULES, *containers.RULES, *secrets.RULES, *tags.RULES)
"""What must hold for each resource."""
STACK_RULES = (*network.STACK_RULES, *cost.STACK_RULES, *secrets.STACK_RULES)
"""What must hold for all of them together."""
