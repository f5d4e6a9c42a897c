"""What the API speaks about: an event that a person's device or coach reported."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, FiniteFloat, StringConstraints

# PostgreSQL's text holds everything but the character NUL.
Label = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00]+$")]


class NewEvent(BaseModel):
    model_config = ConfigDict(extra="forbid")

    user_id: Label
    type: Label
    value: FiniteFloat


class Event(NewEvent):
    id: int
    created_at: datetime
