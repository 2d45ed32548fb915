"""webhook: what other services send to the project's secret address; the event's name is a part of that address."""

from pipelines.resources.shapes import record

EVENTS = None
PARAMETERS = record({})  # there are none to give
