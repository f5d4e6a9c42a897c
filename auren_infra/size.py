"""A number of bytes, as people read it."""


def size(count: int) -> str:
    """With three digits at most: `812 B`, `29.4 MB`, `130 GB`."""
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        units = units[1:]
    return f"{value:.1f} {units[0]}" if value < 99.95 and units[0] != "B" else f"{value:.0f} {units[0]}"
