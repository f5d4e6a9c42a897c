"""The stack's configuration file as it is written, where the engine says that it is.

The engine hands over decrypted values only. Which of them stand in plain text is seen in the file alone.
"""

import os
from pathlib import Path

CHOSEN = "PULUMI_OPTION_CONFIG_FILE"
"""The engine's variable for another file than the project's own. Of its option `--config-file`, it tells nobody."""


def stack_file_path(stack: str, project: Path) -> Path:
    return Path(os.environ.get(CHOSEN) or project / f"Pulumi.{stack}.yaml").absolute()


def stack_file(stack: str, project: Path) -> str:
    """The file's text; empty where there is none that can be read."""
    try:
        return stack_file_path(stack, project).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
