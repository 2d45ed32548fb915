"""The home page's line of health: that all is well, or what is wrong and where to read about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.urls import reverse

from eventlane.console import count_of, number
from eventlane.free_space import FreeSpace
from events.console.activity import Activity
from events.console.health import answer_or_none, is_late, notices
from events.console.home.alerts import AlertRow
from events.journal.reader import backlog
from events.models import Dataset
from pipelines.console.activity import waiting_without_worker


@dataclass(frozen=True, slots=True)
class Standing:
    """One line: `state` is ok, warning, danger or unknown."""

    state: str
    title: str
    text: str = ""
    url: str = ""


def standing(
    datasets: Sequence[Dataset], activity: Activity | None, alerts: Sequence[AlertRow], now: datetime
) -> Standing:
    """Return the line. Firing alerts go first; of other problems, the worst is named and the others are counted."""
    found = answer_or_none(problems, datasets, now)
    if firing := sum(alert.is_firing for alert in alerts):
        others = f"and {count_of(len(found), 'problem')} of the platform" if found else ""
        return Standing("danger", f"{count_of(firing, 'alert')} firing", others, "#alerts")
    if found is None:
        return Standing("unknown", "It can’t be told now whether all is well.", url=_system())
    if not found:
        return Standing("ok", "All is well", _rate(activity))
    state, title = found[0]
    others = f"and {count_of(len(found) - 1, 'other problem')}" if found[1:] else ""
    return Standing(state, title, others, _system())


def problems(datasets: Sequence[Dataset], now: datetime) -> list[tuple[str, str]]:
    """Return kind and title of everything that is wrong, the worst first; raise ValueError if it isn't known."""
    told = notices(datasets, now)
    if told is None:
        raise ValueError("a part of it can't be told")
    found = [("danger", text) for text in (shortage(), _sealing(), waiting_without_worker()) if text]
    found += [(notice.kind, notice.title) for notice in told if notice.kind != "default"]
    return sorted(found, key=lambda problem: problem[0] != "danger")


def shortage() -> str:
    """Return what is said of a disk with so little space left that events are refused; empty if there is enough."""
    # Not the folders' names: other organizations' people read this, too.
    space = FreeSpace([settings.EVENTLANE_HOME, settings.EVENTLANE_JOURNAL], settings.EVENTLANE_MIN_FREE_MB << 20)
    return "A disk is full: events are refused" if space.shortage() else ""


def _sealing() -> str:
    waiting = backlog(settings.EVENTLANE_JOURNAL)
    return f"No sealer is at work: {count_of(waiting.files, 'journal file')} wait" if is_late(waiting) else ""


def _rate(activity: Activity | None) -> str:
    if activity is None:
        return "How many events arrive can’t be told now."
    total = activity.total()
    if not any(total) and activity.complete:
        return "No events in the last hour"
    partly = "" if activity.complete else "; a part of the journal can’t be read right now"
    return f"{count_of(sum(total), 'event')} in the last hour, {number(total[-2])} in the last minute{partly}"


def _system() -> str:
    return reverse("console-system") + "#problems"
