"""The home page's line of health: that all is well, or what is wrong and where to read about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse

from eventlane.console import count_of, number
from eventlane.free_space import FreeSpace
from events.console.activity import Activity
from events.console.channels import Failing
from events.console.health import is_late, notices
from events.console.home.alerts import AlertRow
from events.journal.reader import backlog
from events.models import Dataset
from pipelines.console.activity import waiting_without_worker
from projects.models import Project


@dataclass(frozen=True, slots=True)
class Standing:
    """One line: `state` is ok, warning, danger or unknown; `rate` is what was received, if that is known."""

    state: str
    title: str
    rate: "Rate | None"
    text: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Rate:
    """How many events were received."""

    last_hour: str
    last_minute: str
    complete: bool  # if false, a part of the journal isn't counted


def standing(
    found: Sequence[tuple[str, str]] | None,
    activity: Activity | None,
    alerts: Sequence[AlertRow],
    channels: Sequence[Failing],
) -> Standing:
    """Return the line. Firing alerts go first, then channels that fail: nobody hears of alerts. Silent alerts go last.

    Of other problems, those `found` if they are known, the worst is named and the others are counted.
    """
    rate = None if activity is None else _rate(activity)
    platform = [f"{count_of(len(found), 'problem')} of the platform"] if found else []
    failing = [f"{count_of(len(channels), 'channel')} that messages don’t reach"] if channels else []
    if firing := sum(alert.is_firing for alert in alerts):
        return Standing("danger", f"{count_of(firing, 'alert')} firing", rate, _and(failing + platform), "#alerts")
    if channels:
        whom = channels[0].channel if len(channels) == 1 else count_of(len(channels), "channel")
        fail = "don’t reach everybody" if all(one.is_partly for one in channels) else "don’t arrive"
        return Standing("danger", f"Messages to {whom} {fail}", rate, _and(platform), "#channels")
    if found is None:
        return Standing("unknown", "It can’t be told now whether all is well.", rate, url=_system())
    if not found and (troubled := [alert for alert in alerts if not alert.snoozed]):
        states = ", ".join(dict.fromkeys(alert.state.lower() for alert in troubled))
        return Standing("warning", f"{count_of(len(troubled), 'alert')}: {states}", rate, url="#alerts")
    if not found:
        return Standing("ok", "All is well", rate)
    state, title = found[0]
    others = f"and {count_of(len(found) - 1, 'other problem')}" if found[1:] else ""
    return Standing(state, title, rate, others, _system())


def _and(others: Sequence[str]) -> str:
    return f"and {' and '.join(others)}" if others else ""


def problems(datasets: QuerySet[Dataset], projects: QuerySet[Project], now: datetime) -> list[tuple[str, str]]:
    """Return kind and title of everything that is wrong, the worst first; raise ValueError if it isn't known."""
    told = notices(datasets, projects, now)
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


def _rate(activity: Activity) -> Rate:
    total = activity.total()
    return Rate(number(sum(total)), number(total[-2]), activity.complete)


def _system() -> str:
    return reverse("console-system") + "#problems"
