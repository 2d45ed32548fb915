"""Platform events in lists, with what they started."""

import re
from collections.abc import Iterator
from typing import Any

from django.db.models import Prefetch, QuerySet

from eventlane import exact_numbers
from pipelines.console.states import state_label
from pipelines.models import Pipeline, PlatformEvent

SHOWN_CHARACTERS = 100_000  # of an event's data, per page
TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|\{\}|\[\]|[][{},:]|[^][{},:"]+')


def with_pipelines(events: QuerySet[PlatformEvent]) -> QuerySet[PlatformEvent]:
    """Return events with the pipelines they started, without their data."""
    started = Pipeline.objects.only("name", "status", "event").order_by("name")
    return events.defer("data").prefetch_related(Prefetch("pipelines", started))


def pipeline_links(event: PlatformEvent) -> list[tuple[Pipeline, Any]]:
    """Return what an event started, each with the label of its state."""
    return [(pipeline, state_label(pipeline.status)) for pipeline in event.pipelines.all()]


def pretty(data: Any) -> tuple[str, bool]:
    """Return data as indented JSON, and whether it was cut."""
    text = ""
    # In pieces: with indentation, a megabyte of nested arrays becomes gigabytes.
    for piece in _indented(exact_numbers.encode(data).decode()):
        text += piece
        if len(text) > SHOWN_CHARACTERS:
            return text[:SHOWN_CHARACTERS], True
    return text, False


def _indented(compact: str) -> Iterator[str]:
    line = "\n"
    for found in TOKEN.finditer(compact):
        match token := found[0]:
            case "{" | "[":
                line += "  "
                yield token + line
            case "}" | "]":
                line = line[:-2]
                yield line + token
            case ",":
                yield token + line
            case _:
                yield ": " if token == ":" else token
