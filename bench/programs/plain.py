"""So many resources that are as little as a resource can be: what the engine itself costs."""

import pulumi
import pulumi_random as random

component = pulumi.ComponentResource("bench:index:Plain", "plain")
for number in range(pulumi.Config("bench").require_int("count")):
    random.RandomId(f"plain-{number}", byte_length=4, opts=pulumi.ResourceOptions(parent=component))
