"""AUREN's production: read the settings, put the stack together, hand out the outputs."""

import pulumi
from pulumi.runtime import config

from auren_infra.admission import admit
from auren_infra.settings import SettingsError
from auren_infra.stack import deploy

try:
    settings = admit(pulumi.get_stack(), {**config.get_config_env(), **config.CONFIG.get()})
    outputs = deploy(pulumi.get_stack(), settings)
except SettingsError as error:
    raise pulumi.RunError(str(error)) from None

for name, value in outputs.items():
    pulumi.export(name, value)
