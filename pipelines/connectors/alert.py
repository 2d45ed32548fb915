"""alert: an alert began. The event's name is the alert's. It starts the alert's pipelines, never a trigger."""

EVENTS = None
