"""webhook: deliveries of other services to the project's secret address, which ends in the event's name."""

from pipelines.resources.shapes import record

EVENTS = None
PARAMETERS = record({})  # it has none
