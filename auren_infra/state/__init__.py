"""Where the stack's state is kept: a bucket of DigitalOcean Spaces that a team shares (docs/state.md).

`python -m auren_infra state create` creates the bucket, once. `earlier` reads the state of an earlier time. The engine
does everything else: nothing here writes a state or removes a lock.
"""
