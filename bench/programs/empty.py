"""Nothing, but with all that AUREN's program imports of Pulumi."""

import pulumi  # noqa: F401
import pulumi_command  # noqa: F401
import pulumi_digitalocean  # noqa: F401
import pulumi_docker  # noqa: F401
import pulumi_random  # noqa: F401
import pulumi_tls  # noqa: F401
