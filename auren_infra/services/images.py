"""The image of each service: the one place to bump them. `auren:images` overrides a line for one stack."""

IMAGES: dict[str, str | None] = {
    "nginx": "docker.io/library/nginx:1.28.0",
    "api": None,  # AUREN's own: it has no public image, so every stack names its own
    "postgres": "docker.io/library/postgres:16.9",
    "redis": "docker.io/library/redis:7.4.5",
}
