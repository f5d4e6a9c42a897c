"""The stack's configuration file as it is written, where the engine says that it is.

The engine hands over decrypted values only. Which of them stand in plain text is seen in the file alone.
"""

import os
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from io import StringIO
from pathlib import Path

from auren_infra.settings.plain_text import Unreadable

CHOSEN = "PULUMI_OPTION_CONFIG_FILE"
"""The engine's variable for another file than the project's own. Of its option `--config-file`, it tells nobody."""


def stack_file_path(stack: str, project: Path) -> Path:
    return Path(os.environ.get(CHOSEN) or project / f"Pulumi.{stack}.yaml").absolute()


def stack_file(stack: str, project: Path) -> str:
    """The file's text. It is empty if there is no such file, and `Unreadable` if the file cannot be read."""
    path = stack_file_path(stack, project)
    encoding = "UTF-8"
    try:
        content = path.read_bytes()
        if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            encoding = "UTF-16"
        return StringIO(content.decode(encoding), newline=None).read()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        return Unreadable(f"it is not {encoding}")
    except OSError as error:
        return Unreadable(error.strerror or "it cannot be opened")
