"""What the home page loads after it is shown, because it is asked of the events. Each part fails by itself."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from eventlane.console import moment, number
from eventlane.wire.errors import ApiError
from events.console.explore.question import PRESETS
from events.console.home.asked import ask_errors, ask_levels
from events.console.home.datasets import find_lately, make_table
from events.console.home.page import chosen_range
from events.console.own import own_datasets, query_owner
from events.lake.slots import TooManyQueries


def home_events(request: HttpRequest) -> HttpResponse:
    """Return the chart of events by level, and the table of datasets with their errors."""
    now, last = timezone.now(), chosen_range(request)
    lately = find_lately(own_datasets(request), now)
    page: dict[str, Any] = {"last": last, "last_title": PRESETS[last], "ranges": PRESETS.items()}
    errors, failure = None, None
    try:
        levels = ask_levels(lately.datasets, last, query_owner(request))
        errors = levels.errors
        page |= {"levels": levels, "total": number(levels.total)}
    except ApiError as error:
        failure, page = error, page | _problem(error)
    page |= {"table": make_table(lately, now, last, errors)}
    return _in_turn(render(request, "events/home_events.html", page), failure)


def home_errors(request: HttpRequest) -> HttpResponse:
    """Return the newest error messages by pattern."""
    last = chosen_range(request)
    lately = find_lately(own_datasets(request), timezone.now())
    page = {"last_title": PRESETS[last]}
    try:
        patterns, others = ask_errors(lately.datasets, last, query_owner(request))
    except ApiError as error:
        return _in_turn(render(request, "events/home_errors.html", page | _problem(error)), error)
    rows = [
        {"pattern": one, "count": number(one.count), "first": moment(one.first), "last": moment(one.last)}
        for one in patterns
    ]
    return render(request, "events/home_errors.html", page | {"rows": rows, "others": others and number(others)})


def _problem(error: ApiError) -> dict[str, Any]:
    """Return what a part says instead of an answer, and after how many seconds to try again, if that is known."""
    return {"problem": error.message, "again_seconds": error.headers.get("Retry-After")}


def _in_turn(response: HttpResponse, failure: ApiError | None) -> HttpResponse:
    """Tell the page's script when to ask again if the part's turn hasn't come: too many queries run at once."""
    if isinstance(failure, TooManyQueries):
        response["Retry-After"] = failure.headers["Retry-After"]
    return response
