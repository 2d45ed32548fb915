"""command: one event, made when a command is executed. No trigger can listen to it."""

EVENTS = frozenset({"execution"})
