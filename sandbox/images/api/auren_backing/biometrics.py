"""What travels through Kafka: a measurement, and the same once the Bridge has worked it out."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, FiniteFloat, StringConstraints

# PostgreSQL's text holds everything but the character NUL.
Label = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00]+$")]


class NewBiometric(BaseModel):
    """What a client reports."""

    model_config = ConfigDict(extra="forbid")

    user_id: Label
    metric: Label
    value: FiniteFloat


class Biometric(NewBiometric):
    """A message of the topic `biometric.events`."""

    id: UUID
    recorded_at: datetime


class Classification(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    UNKNOWN = "unknown"
    """Nobody has said what is normal for this metric."""


class ClassifiedBiometric(Biometric):
    """A message of the topic `biometric.processed`, a row in PostgreSQL and a user's checkpoint in Redis."""

    classification: Classification
