"""A measurement as a few numbers, so that measurements alike are near each other. No model: arithmetic alone."""

import hashlib
import math

from auren_backing.biometrics import Classification, ClassifiedBiometric

APART = 100
"""Metrics are put this far from each other, further than any value of one metric is from another's."""
LEVELS = {
    Classification.LOW: -1.0,
    Classification.NORMAL: 0.0,
    Classification.HIGH: 1.0,
    Classification.UNKNOWN: 0.0,
}


def embedding(biometric: ClassifiedBiometric) -> list[float]:
    """Four numbers that say which metric, one for the value (logarithmic: Chroma keeps 32 bits), one for its level."""
    metric = [byte / 255 * APART for byte in hashlib.sha256(biometric.metric.encode()).digest()[:4]]
    return [*metric, math.asinh(biometric.value), LEVELS[biometric.classification]]
