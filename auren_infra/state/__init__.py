"""Where the stack's state is kept: a bucket of DigitalOcean Spaces that a team shares (docs/state.md).

`python -m auren_infra state create` makes the bucket, once; `earlier` reads the state as it was at some moment. All
else is the engine's own work: nothing here writes a state, or clears a lock.
"""
