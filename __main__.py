"""AUREN's production: read the settings, put the stack together, hand out the outputs."""

# ruff: noqa: E402 - the collector is told before the SDKs are imported
import gc

# The SDKs are some 400,000 objects that stay until the end. Looking through them while they are imported, and once more
# to take them apart when the program is over, is a third of a preview: so the collector begins behind them.
gc.disable()

from pathlib import Path

import pulumi
from pulumi.runtime import config

from auren_infra.admission import admit
from auren_infra.cloud.last_update import last_update
from auren_infra.placement import place
from auren_infra.settings import SettingsError
from auren_infra.stack import deploy
from auren_infra.stack_file import stack_file

gc.freeze()
gc.enable()

try:
    before = last_update()
    name, values = pulumi.get_stack(), {**config.get_config_env(), **config.CONFIG.get()}
    told = config.get_config_secret_keys_env()
    encrypted = [key for key in values if key in told or config.is_config_secret(key)]
    blueprint = admit(name, values, before, encrypted=encrypted, stack_file=stack_file(name, Path(__file__).parent))
    outputs = deploy(place(blueprint), before)
except SettingsError as error:
    raise pulumi.RunError(str(error)) from None

for output, value in outputs.items():
    pulumi.export(output, value)
