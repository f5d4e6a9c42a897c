"""In the droplet: which package sources unattended-upgrades may install from, by its own code and the settings there.

Prints, for each source of the list, whether it is allowed; Ubuntu's are judged as on Ubuntu 22.04.
"""

import importlib.machinery
import importlib.util
import json
from types import SimpleNamespace
from typing import Any

import apt_pkg  # pyright: ignore[reportMissingImports]: the droplet's own

SOURCES = {
    "Debian's security updates": ("Debian", "Debian", "Debian-Security", "trixie-security", "stable-security"),
    "Debian": ("Debian", "Debian", "Debian", "trixie", "stable"),
    "Debian's other updates": ("Debian", "Debian", "Debian", "trixie-updates", "stable-updates"),
    "Debian's next release": ("Debian", "Debian", "Debian", "forky", "testing"),
    "Debian's backports": ("Debian", "Debian Backports", "Debian Backports", "trixie-backports", "stable-backports"),
    "Docker's own": ("Debian", "Docker", "Docker CE", "trixie", "trixie"),
    "Ubuntu's security updates": ("Ubuntu", "Ubuntu", "Ubuntu", "jammy", "jammy-security"),
    "Ubuntu": ("Ubuntu", "Ubuntu", "Ubuntu", "jammy", "jammy"),
    "Ubuntu's other updates": ("Ubuntu", "Ubuntu", "Ubuntu", "jammy", "jammy-updates"),
    "Ubuntu's extended security": ("Ubuntu", "UbuntuESM", "UbuntuESM", "jammy", "jammy-infra-security"),
    "Ubuntu's extended security of applications": (
        "Ubuntu",
        "UbuntuESMApps",
        "UbuntuESMApps",
        "jammy",
        "jammy-apps-security",
    ),
    "Docker's own on Ubuntu": ("Ubuntu", "Docker", "Docker CE", "jammy", "jammy"),
}
"""Name -> the system, and what its Release file says: origin, label, codename, archive."""

loader = importlib.machinery.SourceFileLoader("unattended_upgrade", "/usr/bin/unattended-upgrade")
spec = importlib.util.spec_from_loader("unattended_upgrade", loader)
assert spec is not None
program: Any = importlib.util.module_from_spec(spec)
loader.exec_module(program)
apt_pkg.init_config()
allowed = {}
for name, (system, origin, label, codename, archive) in SOURCES.items():
    program.DISTRO_ID = system
    program.DISTRO_CODENAME = {"Debian": "trixie", "Ubuntu": "jammy"}[system]
    source = SimpleNamespace(origin=origin, label=label, codename=codename, archive=archive, component="main", site="x")
    allowed[name] = any(program.match_whitelist_string(entry, source) for entry in program.get_allowed_origins())
print(json.dumps(allowed))
