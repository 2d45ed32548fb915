"""What can be chosen on the page of a dashboard: the time frame, and how often its panels ask anew."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.http import urlencode

from eventlane.zone_choice import zone_name
from events.console.explore.question import PRESETS
from events.dashboards import LEAST_REFRESH, query_problems
from events.query.times import SECOND, InvalidTime, read_duration

OFF = "off"
MOST_REFRESH = 86_400  # seconds: browsers take more than 24 days for none at all
REFRESHES = {OFF: "no refresh", "10s": "every 10 s", "30s": "every 30 s", "1m": "every minute", "5m": "every 5 min"}


@dataclass(frozen=True, slots=True)
class Frame:
    """A time frame for all panels, as people write times, and how often they ask anew."""

    from_time: str
    to_time: str
    refresh: str = OFF

    def query_string(self, *, with_refresh: bool = False) -> str:
        """Return it as parameters of an address."""
        return urlencode(self.members | ({"refresh": self.refresh} if with_refresh else {}))

    @property
    def members(self) -> dict[str, str]:
        """The members of a query."""
        return {"from": self.from_time, "to": self.to_time}

    @property
    def preset(self) -> str:
        """The preset that it is, if it is one."""
        return self.from_time if self.to_time == "now" and self.from_time in PRESETS else ""

    @property
    def refresh_seconds(self) -> int:
        """Seconds after which the panels ask anew; 0 for never."""
        try:
            seconds = read_duration(self.refresh) // SECOND
        except InvalidTime:
            return 0
        return min(max(seconds, LEAST_REFRESH), MOST_REFRESH)

    def problems(self) -> list[str]:
        """Return what is wrong with the times."""
        names = {"/from": "From", "/to": "To"}
        found = query_problems({"datasets": ["any"], **self.members, "time_zone": zone_name()}, "")
        return [f"{names.get(one.pointer, one.pointer)}: {one.reason}" for one in found]

    def refreshes(self) -> dict[str, str]:
        """Return what to choose from, with titles."""
        return REFRESHES if self.refresh in REFRESHES else REFRESHES | {self.refresh: f"every {self.refresh}"}


def read_frame(address: Mapping[str, str], data: Mapping[str, Any]) -> Frame:
    """Return what an address says, else the dashboard. `last`, which the buttons send, goes before both times."""
    refresh = address.get("refresh") or data.get("refresh", OFF)
    if last := address.get("last", "").strip():
        return Frame(last, "now", refresh)

    def text(name: str) -> str:
        return address.get(name, "").strip() or str(data[name])

    return Frame(text("from"), text("to"), refresh)
