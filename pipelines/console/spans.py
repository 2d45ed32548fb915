"""Durations in words."""

from datetime import datetime


def span(start: datetime | None, end: datetime) -> str:
    """Return the time from `start` to `end`: 0.4 s, 12 s, 3 min 4 s, 2 h 5 min; empty without a start."""
    if start is None:
        return ""
    exact = max(0.0, (end - start).total_seconds())
    seconds = int(exact)
    if exact < 10:
        return f"{exact:.1f} s"
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    if seconds < 86_400:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return f"{seconds // 86_400} d {seconds % 86_400 // 3600} h"
