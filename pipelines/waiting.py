"""What waits to fire triggers, and dropping it. The app above keeps it and answers the signals (events/signals.py)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.dispatch import Signal

waiting_asked = Signal()  # with trigger_ids; receivers return {trigger id: Waiting} of those for which something waits
waiting_unwanted = Signal()  # with trigger_ids; receivers drop what waits for them and return how many events that were


@dataclass(frozen=True, slots=True)
class Waiting:
    """Events that match a trigger and haven't started anything yet."""

    events: int
    oldest: datetime  # when it was received


def waiting_for(trigger_ids: Collection[str]) -> Mapping[str, Waiting]:
    """Return what waits for triggers, by their ids; those for which nothing waits are left out."""
    answers: list[tuple[Any, Any]] = waiting_asked.send(None, trigger_ids=trigger_ids)
    return {trigger_id: waiting for _, found in answers for trigger_id, waiting in found.items()}


def drop_waiting(trigger_ids: Collection[str]) -> int:
    """Drop and count what waits for triggers; return how many events that were. It may take a while."""
    answers: list[tuple[Any, Any]] = waiting_unwanted.send(None, trigger_ids=trigger_ids)
    return sum(dropped for _, dropped in answers)
