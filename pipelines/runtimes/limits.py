"""How much a task may use. A task's runtime parameters can lower the settings but never raise them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What an attempt at a task may use."""

    seconds: float
    grace_seconds: float
    memory_bytes: int  # of each process
    processes: int
    file_bytes: int
    output_bytes: int


def limits_of(parameters: Mapping[str, Any]) -> Limits:
    """Return the limits for a runtime's parameters: timeout (seconds), memory_mb, processes, output_kb."""
    return Limits(
        seconds=min(settings.EVENTLANE_TASK_TIMEOUT_SECONDS, _asked(parameters, "timeout")),
        grace_seconds=settings.EVENTLANE_TASK_GRACE_SECONDS,
        memory_bytes=int(min(settings.EVENTLANE_TASK_MEMORY_MB, _asked(parameters, "memory_mb")) * MIB),
        processes=int(min(settings.EVENTLANE_TASK_PROCESSES, _asked(parameters, "processes"))),
        file_bytes=settings.EVENTLANE_TASK_FILE_MB * MIB,
        output_bytes=int(min(settings.EVENTLANE_TASK_OUTPUT_KB, _asked(parameters, "output_kb")) * 1024),
    )


def _asked(parameters: Mapping[str, Any], name: str) -> float:
    value = parameters.get(name)
    return float("inf") if value is None else value
