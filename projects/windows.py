"""Counting within windows of time, in columns of a row: all processes and nodes count together."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Model, Q

Rate = tuple[int, float] | None  # this many in this many seconds; None: no limit


@dataclass(frozen=True, slots=True)
class Window:
    """Two columns of a model: the start of a row's window, and the count within it."""

    model: type[Model]
    start: str
    count: str

    def seconds_to_wait(self, row: Model, rate: Rate, now: datetime) -> float:
        """Return how long until there is room again, as of when the row was read; 0 if there is room now."""
        start: datetime | None = getattr(row, self.start)
        if rate is None or start is None:
            return 0.0
        most, seconds = rate
        passed = (now - start).total_seconds()
        is_over = getattr(row, self.count) >= most and -seconds < passed < seconds  # the clock may have been wrong
        return float(seconds - max(passed, 0.0)) if is_over else 0.0

    def take(self, row: Model, rate: Rate, now: datetime) -> float:
        """Count one more and return 0, or return how long to wait for room."""
        if rate is None:
            return 0.0
        window = timedelta(seconds=rate[1])
        running = Q((f"{self.start}__gt", now - window), (f"{self.start}__lt", now + window))
        # Another process may start the next window in between; then there is room in that one.
        most = rate[0]
        if self._one_more(row, running, most) or self._begin(row, running, now) or self._one_more(row, running, most):
            return 0.0
        row.refresh_from_db(fields=[self.start, self.count])
        return self.seconds_to_wait(row, rate, now) or 1.0

    def _one_more(self, row: Model, running: Q, most: int) -> bool:
        rows = self.model._default_manager.filter(running, (f"{self.count}__lt", most), pk=row.pk)
        return bool(rows.update(**{self.count: F(self.count) + 1}))

    def _begin(self, row: Model, running: Q, now: datetime) -> bool:
        rows = self.model._default_manager.filter(Q((self.start, None)) | ~running, pk=row.pk)
        return bool(rows.update(**{self.start: now, self.count: 1}))
