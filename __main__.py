"""AUREN's production: read the settings, put the stack together, hand out the outputs."""

# ruff: noqa: E402 - the collector is told before the SDKs are imported
import gc

# The SDKs are some 400,000 objects that stay until the end. Looking through them while they are imported, and once more
# to take them apart when the program is over, is a third of a preview: so the collector begins behind them.
gc.disable()

import pulumi
from pulumi.runtime import config

from auren_infra.admission import admit
from auren_infra.cloud.last_update import last_update
from auren_infra.settings import SettingsError
from auren_infra.stack import deploy

gc.freeze()
gc.enable()

try:
    before = last_update()
    blueprint = admit(pulumi.get_stack(), {**config.get_config_env(), **config.CONFIG.get()}, before)
    outputs = deploy(blueprint, before)
except SettingsError as error:
    raise pulumi.RunError(str(error)) from None

for name, value in outputs.items():
    pulumi.export(name, value)
