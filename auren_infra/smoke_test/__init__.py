"""The smoke test: at its end, an update requests the website and the API from outside.

The requests use the machine's address, then the domain's names. The smoke test runs in every update, also in one that
changes nothing, and in no preview. It is no resource, so nothing of it is in the state.

- `answers` has the types of a network's answers.
- `internet` sends requests to the real network.
- `questions` chooses the requests, and finds the cause of a wrong answer.
- `advice` has the repair for each cause.
- `update` runs it at the end of an update.

Left out on purpose: an HTTP proxy (`https_proxy`). The machine that runs an update needs a direct connection to port 22
in any case, and an answer through a proxy proves nothing about the address.
"""

LEFT_OUT = "AUREN_WITHOUT_SMOKE_TEST"
"""A variable of the environment: if it is set, an update tests nothing. `move-in` sets it for the records alone, when
the machine that is left is stopped already."""
