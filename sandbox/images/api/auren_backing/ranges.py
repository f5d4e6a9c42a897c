"""What is normal for an adult at rest. Common textbook ranges: enough for a stand-in, no medical advice."""

from auren_backing.biometrics import Classification

NORMAL = {
    "heart_rate": (60.0, 100.0),  # beats a minute
    "hrv": (20.0, 100.0),  # milliseconds (RMSSD)
    "respiratory_rate": (12.0, 20.0),  # breaths a minute
    "spo2": (95.0, 100.0),  # percent
    "body_temperature": (36.1, 37.2),  # degrees Celsius
    "glucose": (70.0, 100.0),  # milligrams a decilitre, fasting
    "sleep": (7.0, 9.0),  # hours
}


def classify(metric: str, value: float) -> Classification:
    """`unknown` for a metric that no range is known for: better than a guess."""
    if metric not in NORMAL:
        return Classification.UNKNOWN
    lowest, highest = NORMAL[metric]
    if value < lowest:
        return Classification.LOW
    return Classification.HIGH if value > highest else Classification.NORMAL
