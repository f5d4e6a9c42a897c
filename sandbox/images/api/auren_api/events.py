"""What the API speaks about: an event that a person's device or coach reported."""

from datetime import datetime

from auren_backing.biometrics import Label
from pydantic import BaseModel, ConfigDict, FiniteFloat


class NewEvent(BaseModel):
    model_config = ConfigDict(extra="forbid")

    user_id: Label
    type: Label
    value: FiniteFloat


class Event(NewEvent):
    id: int
    created_at: datetime
