"""The policy pack: all rules, behind the service that the engine asks. `pulumi preview --policy-pack policy`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the engine starts this folder, wherever it stands itself

from policy.analyzer import Analyzer, serve
from policy.rules import RULES, STACK_RULES

serve(Analyzer(RULES, STACK_RULES))
