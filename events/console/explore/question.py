"""What somebody asks on the page Explore. Its address holds the whole question, so that it can be shared."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.http import QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from eventlane.zone_choice import zone_name
from events.query.typed import elements, read_calculation, read_order

NOW = "now"
RECEIVED = "received"
DEFAULT_FROM = "1h"
MOST_COLUMNS = 8
PRESETS = {
    "15m": "15 min",
    "1h": "1 h",
    "6h": "6 h",
    "24h": "24 h",
    "7d": "7 d",
}
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Question:
    """What the address says, as it is written there.

    dataset, q            a dataset's id, and a search line
    from_time, to_time    the time frame
    time                  `received` if it is one of received times, not event times
    calculate, by         calculations and the paths to group by, with commas; with neither, it asks for events
    order, limit          of groups
    columns               paths that the list of events shows, with commas
    before                a cursor for older events
    saved                 the id of the saved query that it began with
    page                  the path of Explore, on other pages that lead there
    """

    dataset: str = ""
    q: str = ""
    from_time: str = DEFAULT_FROM
    to_time: str = NOW
    calculate: str = ""
    by: str = ""
    order: str = ""
    limit: str = ""
    columns: str = ""
    before: str = ""
    saved: str = ""
    page: str = ""
    time: str = ""

    def parameters(self) -> dict[str, str]:
        """Return it as parameters of an address; what isn't said is left out."""
        all_of_them = {
            "dataset": self.dataset,
            "q": self.q,
            "from": self.from_time,
            "to": "" if self.to_time == NOW else self.to_time,
            "time": self.time,
            "calculate": self.calculate,
            "by": self.by,
            "order": self.order,
            "limit": self.limit,
            "columns": self.columns,
            "before": self.before,
            "saved": self.saved,
        }
        return {name: value for name, value in all_of_them.items() if value}

    def address(self, **changes: str) -> str:
        """Return the address of the question with these changes; unless one names a cursor, of its newest events."""
        return f"{self.page}?{urlencode(replace(self, **({'before': ''} | changes)).parameters())}"

    @property
    def column_paths(self) -> list[str]:
        """The paths that the list of events shows, each once, as many as it has room for."""
        return list(dict.fromkeys(elements(self.columns)))[:MOST_COLUMNS]

    def with_column(self, path: str) -> str:
        """Return the address with one more column; nothing where it is there, or there is no room."""
        paths = self.column_paths
        is_new = path and path not in paths and len(paths) < MOST_COLUMNS
        return self.address(columns=", ".join([*paths, path]), before=self.before) if is_new else ""

    def without_column(self, path: str) -> str:
        """Return the address without a column."""
        return self.address(columns=", ".join(one for one in self.column_paths if one != path), before=self.before)

    def body(self, dataset_name: str, **others: Any) -> dict[str, Any]:
        """Return it as the body of a query (docs/query.md)."""
        zone = zone_name()
        frame = {"from": self.from_time, "to": self.to_time} | ({"time_zone": zone} if zone != "UTC" else {})
        frame |= {"time": self.time} if self.time else {}
        return {"datasets": [dataset_name], "q": self.q, **frame, **others}

    @property
    def asks_for_groups(self) -> bool:
        """Whether it asks for calculations instead of events."""
        return bool(self.calculate or self.by)

    @property
    def events_only(self) -> "Question":
        """The same question for the events themselves."""
        return replace(self, calculate="", by="", order="", limit="")

    def groups_body(self, dataset_name: str) -> dict[str, Any]:
        """Return the body of a query for groups. What is no calculation goes in as it is, for the reader to name."""
        calculations = [read_calculation(one) or {"op": one} for one in elements(self.calculate)] or [{"op": "count"}]
        order = {"order_by": [read_order(self.order)]} if self.order else {}
        limit = {"limit": int(self.limit) if _NUMBER.fullmatch(self.limit) else self.limit} if self.limit else {}
        grouped = {"calculations": calculations, "group_by": elements(self.by), **order, **limit}
        return self.body(dataset_name, granularity="auto", **grouped)

    @property
    def preset(self) -> str:
        """The preset that its time frame is, if it is one."""
        return self.from_time if self.to_time == NOW and self.from_time in PRESETS else ""


def from_elsewhere(question: Question) -> Question:
    """Return a question whose addresses lead to Explore from any page."""
    return replace(question, page=reverse("console-explore"))


def explore_address(dataset: str, **parts: str) -> str:
    """Return the address of Explore with a question to a dataset, given by its id."""
    return reverse("console-explore") + Question(dataset, **parts).address()


def read_question(address: Mapping[str, str]) -> Question:
    """Return the question of an address; `last`, which the buttons of the presets send, goes before its time frame."""

    def text(name: str) -> str:
        return address.get(name, "").strip()

    question = Question(text("dataset"), text("q"), text("from") or DEFAULT_FROM, text("to") or NOW)
    question = replace(
        question, **{name: text(name) for name in ("calculate", "by", "order", "limit", "columns", "before", "saved")}
    )
    question = replace(question, before="") if question.asks_for_groups else question.events_only
    question = replace(question, time=RECEIVED if text("time") == RECEIVED else "")
    last = text("last")
    return replace(question, from_time=last, to_time=NOW, before="") if last else question


def is_canonical(address: QueryDict, question: Question) -> bool:
    """Tell whether an address says the question and nothing else."""
    return dict(address.lists()) == {name: [value] for name, value in question.parameters().items()}
