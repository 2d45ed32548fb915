"""custom: events with any name and any data, made with POST /v0/events."""

from pipelines.resources.shapes import record

EVENTS = None
PARAMETERS = record({})  # there are none to give
