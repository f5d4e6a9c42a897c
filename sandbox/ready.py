"""Whether this machine can do what make is asked for, told before anything is installed.

Any Python of the right version can run this: nothing here, nor in what it imports, needs a package.
"""

from sandbox import cloud_server, packages, prerequisites

GOALS = ("up", "down", "test", "soak")


def faults(goal: str) -> list[str]:
    """Everything that stands in the way of `make GOAL`, each with what to do."""
    packages.find_programs_of_root()
    if goal in {"test", "soak"} and cloud_server.health() is not None:
        return ["A cloud is running here, and the tests want this machine to themselves: `make down` first."]
    if goal == "down":
        return [*prerequisites.system(), *prerequisites.root()]
    found = prerequisites.faults()
    if fault := packages.fault(packages.missing()):
        found.append(fault)
    return found


def refusal(goal: str) -> str | None:
    """All faults as one text; None when there are none."""
    found = faults(goal)
    listed = "\n".join(f"- {fault}" for fault in found)
    return f"`make {goal}` cannot be done on this machine; nothing was changed.\n{listed}" if found else None
