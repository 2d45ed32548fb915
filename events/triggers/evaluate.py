"""Find the events of journal batches that triggers ask for. No Django, no database."""

import json
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from eventlane.exact_numbers import decode, exact
from events.journal import Batch

logger = logging.getLogger(__name__)

STRETCH_BYTES = 1 << 20  # read at once: bounds memory, and how long a matching event waits behind others

_decode: Callable[[bytes], Any] = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most so many events of a trigger in a window of so many seconds."""

    events: int
    seconds: float


@dataclass(frozen=True, slots=True)
class DatasetTrigger:
    """What evaluation needs to know of a trigger on a dataset."""

    id: str
    dataset: str  # its name
    since_us: int  # events received before its subscription began don't count
    matches: Callable[[Any], bool]
    rate_limit: RateLimit | None = None


TriggersByDataset = Mapping[str, Sequence[DatasetTrigger]]  # by dataset id


class Match(NamedTuple):
    """An event that a trigger asks for. A tuple: there may be millions, and a dataclass takes twice as long to make."""

    trigger: DatasetTrigger
    received_us: int
    text: bytes


def evaluate(batches: Iterable[Batch], triggers: TriggersByDataset) -> list[Match]:
    """Return every match. Batches of datasets without triggers cost a look into a dictionary."""
    found: list[Match] = []
    for batch in batches:
        concerned = [trigger for trigger in triggers.get(batch.dataset_id, ()) if trigger.since_us <= batch.received_us]
        if concerned:
            found.extend(_matches(batch, concerned))
    return found


def decode_event(text: bytes, *, exactly: bool = False) -> Any:
    """Return an event's JSON, `exactly` with all digits of its numbers; ValueError when nobody can make sense of it.

    msgspec, twice as fast, refuses half of a surrogate pair and numbers too large for a float, which ingest takes.
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
                    yield Match(trigger, batch.received_us, text)
            except Exception:  # one event, or one trigger, must not hold up the others
                logger.exception("trigger %s can't be asked about an event; it counts as no match", trigger.id)


def _number(text: str) -> Any:
    """Return a number that fits; one too large stays text."""
    if math.isinf(float(text)):
        return text
    return int(text) if text.lstrip("-").isdigit() else exact(text)
