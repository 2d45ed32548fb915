"""custom: events with any name and data, created with POST /v0/events."""

from pipelines.resources.shapes import record

EVENTS = None
PARAMETERS = record({})  # it has none
