"""Find the events in journal batches that match triggers. No Django, no database."""

import json
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from eventlane.exact_numbers import decode, exact
from events.journal import Batch, Copy

logger = logging.getLogger(__name__)

STRETCH_BYTES = 1 << 20  # read at a time: limits memory, and how long a matching event waits behind others

_decode: Callable[[bytes], Any] = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most this many events of a trigger within a window of this many seconds."""

    events: int
    seconds: float


@dataclass(frozen=True, slots=True)
class DatasetTrigger:
    """What evaluation needs to know about a trigger on a dataset."""

    id: str
    dataset: str  # its name
    since_us: int  # events received before its subscription started don't count
    matches: Callable[[Any], bool]
    rate_limit: RateLimit | None = None


TriggersByDataset = Mapping[str, Sequence[DatasetTrigger]]  # by dataset id


class Match(NamedTuple):
    """An event that matches a trigger. A tuple: there may be millions, and dataclasses take twice as long to create."""

    trigger: DatasetTrigger
    received_us: int
    text: bytes
    copy: Copy | None = None  # its batch, if there may be copies of it


def evaluate(batches: Iterable[Batch], triggers: TriggersByDataset) -> list[Match]:
    """Return all matches. Batches of datasets without triggers cost one dictionary lookup."""
    found: list[Match] = []
    for batch in batches:
        concerned = [trigger for trigger in triggers.get(batch.dataset_id, ()) if trigger.since_us <= batch.received_us]
        if concerned:
            found.extend(_matches(batch, concerned))
    return found


def decode_event(text: bytes, *, exactly: bool = False) -> Any:
    """Return an event's JSON, with `exactly` including all digits of numbers; raise ValueError if it can't be parsed.

    msgspec, twice as fast, refuses half of a surrogate pair and numbers too large for a float, which ingest accepts.
    """
    try:
        return decode(text) if exactly else _decode(text)
    except ValueError:
        return json.loads(text, parse_int=_number, parse_float=_number)


def _matches(batch: Batch, triggers: Sequence[DatasetTrigger]) -> Iterator[Match]:
    for text in batch.texts():
        try:
            event = decode_event(text)
        except (ValueError, RecursionError) as error:
            logger.warning("no trigger sees an event of dataset %s: %s", batch.dataset_id, error)
            continue
        for trigger in triggers:
            try:
                if trigger.matches(event):
                    yield Match(trigger, batch.received_us, text, batch.copy)
            except Exception:  # one event, or one trigger, must not hold up the others
                logger.exception("trigger %s can't be evaluated for an event; it counts as no match", trigger.id)


def _number(text: str) -> Any:
    """Return a number that fits; one that is too large stays text."""
    if math.isinf(float(text)):
        return text
    return int(text) if text.lstrip("-").isdigit() else exact(text)
