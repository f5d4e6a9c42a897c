"""The smoke test: an update ends by asking whether AUREN answers, from outside.

It asks the website and the API by the machine's address, then by the domain's names. It runs in every update, also in
one that changes nothing, and in no preview. It is no resource, so nothing of it is in the state.

- `answers` holds what a network answers.
- `internet` asks the real network.
- `questions` decides what is asked, and what a wrong answer means.
- `advice` says what to do about it.
- `update` runs it at the end of an update.

Left out on purpose: an HTTP proxy (`https_proxy`). The machine that runs an update needs a direct way to port 22 in any
case, and an answer by way of a proxy says nothing about the address.
"""
