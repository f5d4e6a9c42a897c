"""Brings PostgreSQL's data back from a backup, in place. What it replaces is kept on the machine.

The program is on the machine (`auren-restore`). Here is what a person calls: it says what will be lost, and asks.
A machine that is new is filled by `auren:restore` instead, in `pulumi up`.
"""
