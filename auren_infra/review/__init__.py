"""What a merge will do, told to the person who reviews it: the comment on a pull request.

`python -m auren_infra review --stack prod` previews the stack and prints Markdown. The room stands behind all others:
it reads the engine's record of the preview and what this program sends to machines, and changes nothing.
"""
