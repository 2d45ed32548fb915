"""command: a single event, created when a command is executed. No trigger can listen to it."""

EVENTS = frozenset({"execution"})
