"""What somebody asks on the page Explore. Its address holds the whole question, so that it can be shared."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.http import QueryDict
from django.utils.http import urlencode

NOW = "now"
DEFAULT_FROM = "1h"
PRESETS = {
    "15m": "15 min",
    "1h": "1 h",
    "6h": "6 h",
    "24h": "24 h",
    "7d": "7 d",
}


@dataclass(frozen=True, slots=True)
class Question:
    """A dataset (by id), a search line, a time frame, and a cursor for older events; all as written in the address."""

    dataset: str = ""
    q: str = ""
    from_time: str = DEFAULT_FROM
    to_time: str = NOW
    before: str = ""

    def parameters(self) -> dict[str, str]:
        """Return it as parameters of an address; what isn't said is left out."""
        all_of_them = {
            "dataset": self.dataset,
            "q": self.q,
            "from": self.from_time,
            "to": "" if self.to_time == NOW else self.to_time,
            "before": self.before,
        }
        return {name: value for name, value in all_of_them.items() if value}

    def address(self, **changes: str) -> str:
        """Return the address of the question with these changes; unless one names a cursor, of its newest events."""
        return f"?{urlencode(replace(self, **({'before': ''} | changes)).parameters())}"

    def body(self, dataset_name: str, **others: Any) -> dict[str, Any]:
        """Return it as the body of a query (docs/query.md)."""
        frame = {"from": self.from_time, "to": self.to_time}
        return {"datasets": [dataset_name], "q": self.q, **frame, **others}

    @property
    def preset(self) -> str:
        """The preset that its time frame is, if it is one."""
        return self.from_time if self.to_time == NOW and self.from_time in PRESETS else ""


def read_question(address: Mapping[str, str]) -> Question:
    """Return the question of an address; `last`, which the buttons of the presets send, goes before its time frame."""

    def text(name: str) -> str:
        return address.get(name, "").strip()

    question = Question(text("dataset"), text("q"), text("from") or DEFAULT_FROM, text("to") or NOW, text("before"))
    last = text("last")
    return replace(question, from_time=last, to_time=NOW, before="") if last else question


def is_canonical(address: QueryDict, question: Question) -> bool:
    """Tell whether an address says the question and nothing else."""
    return dict(address.lists()) == {name: [value] for name, value in question.parameters().items()}
