"""Note which fields events have and queries ask for: maintenance gives these columns (see field_columns.py)."""

import json
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from events.journal import Batch
from events.lake.columns import EVENT_COLUMNS
from events.lake.json_paths import MAX_PARTS, path_of
from events.lake.names import NAMES
from events.models import Dataset, NotedField

SAMPLE = 200  # events; to look at them takes a millisecond or two
# A sample is taken of so many events, or of a hundredth of these if there was none for a while: a smaller dataset is
# fast as it is.
SAMPLED_EVENTS, SAMPLED_AGAIN = 10_000, 100
AGAIN_SECONDS = 30.0
FREQUENT = 0.5  # of the events of a sample have such a field
ALIKE = 0.95  # of its values are of a column's kind
LONG = 200  # characters: of longer texts a column is too large, unless it is asked for
# So it is of texts of some length that are nearly all different: it takes as much again as they do in the events.
SHORT, UNLIKE = 12, 0.9
MAX_NOTED = 500  # of a dataset: keys of events, and paths of queries, may be anything

NEEDLESS = {*NAMES["event_time"], *NAMES["duration"], *EVENT_COLUMNS, "dataset"}
NEEDLESS_TEXTS = set(chain.from_iterable(NAMES.values()))  # that the columns of all events hold already

_latest: dict[str, float] = {}  # when a dataset's events were sampled, by its id


@dataclass(slots=True)
class _Tally:
    """What the events of a sample have at a path."""

    kinds: Counter[str] = field(default_factory=Counter)
    characters: int = 0
    texts: set[str] = field(default_factory=set)

    def add(self, value: Any) -> None:
        kind = "json"
        if isinstance(value, int | float) and not isinstance(value, bool):
            kind = "number"
        elif isinstance(value, str):
            kind = "text"
            self.characters += len(value)
            self.texts.add(value)
        self.kinds[kind] += 1

    def kind(self) -> str:
        """Return the kind of column that holds it best."""
        [(kind, count)] = self.kinds.most_common(1)
        return kind if count >= ALIKE * self.kinds.total() else "json"

    def _longest(self) -> int:
        return SHORT if len(self.texts) >= UNLIKE * self.kinds.total() else LONG

    def is_worth_it(self, path: str, events: int) -> bool:
        """Tell whether a column for it is worth its place though nobody has asked for it."""
        kind = self.kind()
        return (
            self.kinds.total() >= FREQUENT * events
            and self.characters <= self._longest() * self.kinds.total()
            and path not in NEEDLESS
            and not (kind == "text" and path in NEEDLESS_TEXTS)
        )


def note_sealed(dataset_id: str, batches: Sequence[Batch]) -> None:
    """Note what fields a sample of a dataset's events has, from time to time."""
    count = sum(batch.count for batch in batches)
    if settings.EVENTLANE_PROMOTED_FIELDS and _is_due(dataset_id, count):
        _note(dataset_id, *_sample(_every(max(1, count // SAMPLE), batches)))


def note_asked(datasets: Iterable[Dataset], paths: Collection[str]) -> None:
    """Note that a query asked for these paths into events' JSON. PostgreSQL has no text with a NUL."""
    paths = [path for path in paths if "\0" not in path]
    for dataset in datasets if settings.EVENTLANE_PROMOTED_FIELDS and paths else ():
        noted = NotedField.objects.filter(dataset=dataset)
        known = dict(noted.filter(path__in=paths).values_list("path", "number"))
        if None in known.values():
            noted.filter(path__in=paths, number=None).update(asked=F("asked") + 1, latest_time=timezone.now())
        if new := set(paths) - known.keys():
            _create([NotedField(dataset=dataset, path=path, asked=1) for path in sorted(new)])


def _is_due(dataset_id: str, events: int) -> bool:
    now = time.monotonic()
    is_due = events >= SAMPLED_EVENTS or (
        events >= SAMPLED_AGAIN and now - _latest.get(dataset_id, -AGAIN_SECONDS) >= AGAIN_SECONDS
    )
    if is_due:
        _latest[dataset_id] = now
    return is_due


def _every(step: int, batches: Iterable[Batch]) -> Iterator[bytes]:
    """Yield the text of every `step`th event of batches, without a look at the others."""
    first = 0
    for batch in batches:
        yield from batch.texts(first, step)
        first = (first - batch.count) % step


def _sample(texts: Iterable[bytes]) -> tuple[int, dict[str, _Tally]]:
    """Return how many events there are, and what they have by path."""
    events = 0
    tallies: dict[tuple[str, ...], _Tally] = {}
    for text in texts:
        try:
            found = dict(_leaves(json.loads(text)))
        except (ValueError, RecursionError):
            continue  # it goes into quarantine
        events += 1
        for keys, value in found.items():
            tallies.setdefault(keys, _Tally()).add(value)
    return events, {path_of(keys): tally for keys, tally in tallies.items()}


def _leaves(value: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield what isn't an object, and the keys that lead to it."""
    if isinstance(value, dict) and len(keys) < MAX_PARTS:
        for key, inner in value.items():
            yield from _leaves(inner, (*keys, key))
    elif keys and value is not None:
        yield keys, value


def _note(dataset_id: str, events: int, tallies: dict[str, _Tally]) -> None:
    known = {one.path: one for one in NotedField.objects.filter(dataset=dataset_id)}
    changed, new = [], []
    for path, tally in tallies.items():
        seen = int(tally.is_worth_it(path, events))
        if path not in known:
            new += [NotedField(dataset_id=dataset_id, path=path, kind=tally.kind(), seen=1)] if seen else []
        elif known[path].number is None:
            noted = known[path]
            noted.kind, noted.seen, noted.latest_time = tally.kind(), noted.seen + seen, timezone.now()
            changed.append(noted)
    NotedField.objects.bulk_update(changed, ["kind", "seen", "latest_time"])
    _create(new)


def _create(fields: Sequence[NotedField]) -> None:
    """Note new fields of one dataset, as many as there is room for; none if the dataset was just deleted."""
    if not fields:
        return
    room = MAX_NOTED - NotedField.objects.filter(dataset_id=fields[0].dataset_id).count()
    try:
        with transaction.atomic():
            NotedField.objects.bulk_create(fields[: max(0, room)], ignore_conflicts=True)
    except IntegrityError:
        pass
