"""Sources of platform events that triggers can listen to (docs/api/v0.md, section 6.7).

Each connector is a module. EVENTS are its events, or None for any name; PARAMETERS describe the parameters of a
trigger's subscription. alert, dataset and webhook are ours.
"""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from eventlane.names import is_name
from eventlane.wire.errors import Problem
from pipelines.connectors import alert, command, custom, dataset, github, time, webhook

_MODULES: dict[str, ModuleType] = {
    "alert": alert,
    "command": command,
    "custom": custom,
    "dataset": dataset,
    "github": github,
    "time": time,
    "webhook": webhook,
}
CONNECTORS = tuple(_MODULES)
CLOSED_CONNECTORS = ("alert", "command")  # their events come from Eventlane alone, and start no triggers
OPEN_CONNECTORS = tuple(name for name in CONNECTORS if name not in CLOSED_CONNECTORS)  # also for POST /events


def event_names(connector: str) -> frozenset[str] | None:
    """Return the events of a connector, or None if any name is allowed."""
    names: frozenset[str] | None = _MODULES[connector].EVENTS
    return names


def is_event_name(connector: str, name: str) -> bool:
    """Return whether a connector can have an event with this name."""
    names = event_names(connector)
    return is_name(name) if names is None else name in names


def subscription_problems(connector: str, event: str, parameters: Mapping[str, Any], pointer: str) -> list[Problem]:
    """Return what is wrong with a trigger's subscription; `pointer` is that of the trigger's `data`."""
    if connector not in OPEN_CONNECTORS:
        known = f"must be one of {', '.join(OPEN_CONNECTORS)}"
        return [Problem(f"{pointer}/connector", "can't start triggers" if connector in _MODULES else known)]
    problems = [] if is_event_name(connector, event) else [Problem(f"{pointer}/event", _no_event(connector))]
    _MODULES[connector].PARAMETERS(parameters, f"{pointer}/parameters", problems)
    return problems


def concerns(connector: str, parameters: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    """Return whether an event that a subscription listens to matches its parameters."""
    return connector != "github" or github.concerns(parameters, data)


def _no_event(connector: str) -> str:
    names = event_names(connector)
    return f"must be one of {', '.join(sorted(names))}" if names else "must be a name: a-z, 0-9, '-' and '_'"
