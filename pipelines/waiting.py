"""Events waiting to fire triggers. The app above stores them and answers these signals (events/signals.py)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.dispatch import Signal

waiting_asked = Signal()  # with trigger_ids; receivers return {trigger id: Waiting} for those with waiting events
waiting_unwanted = Signal()  # with trigger_ids; receivers drop their waiting events and return how many


@dataclass(frozen=True, slots=True)
class Waiting:
    """Events that match a trigger but haven't started anything yet."""

    events: int
    oldest: datetime  # when it was received


def waiting_for(trigger_ids: Collection[str]) -> Mapping[str, Waiting]:
    """Return the waiting events of triggers by id. Triggers without any are left out."""
    answers: list[tuple[Any, Any]] = waiting_asked.send(None, trigger_ids=trigger_ids)
    return {trigger_id: waiting for _, found in answers for trigger_id, waiting in found.items()}


def drop_waiting(trigger_ids: Collection[str]) -> int:
    """Drop and count the waiting events of triggers; return how many. It may take a while."""
    answers: list[tuple[Any, Any]] = waiting_unwanted.send(None, trigger_ids=trigger_ids)
    return sum(dropped for _, dropped in answers)
