"""What Explore loads when it is opened, an event or the fields; and its table as a file."""

from time import time_ns
from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from eventlane.login import account_of
from eventlane.times import to_microseconds
from eventlane.wire.errors import ApiError
from events.console.explore.event import around, context_of, find_event, find_row, find_rows
from events.console.explore.field_rows import field_rows
from events.console.explore.lines import event_line
from events.console.explore.question import Question, from_elsewhere, read_question
from events.console.explore.terms import group_term, open_to_more
from events.console.explore.trace import draw_trace
from events.console.explore.trigger import make_trigger
from events.lake.lines import visible
from events.lake.slots import slots
from events.models import Dataset
from events.query.answer import Answer
from events.query.body import MAX_ROWS, read_query
from events.query.fields import find_fields
from events.query.progress import Tell
from events.query.run import ask
from events.query.search import InvalidSearch
from events.query.terminal import csv_lines
from events.query.times import SECOND, show_time

TRACE_AROUND = 3600 * SECOND
AROUND_EVENTS = 25  # on each side
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a cell with one begins with


def dataset_admin() -> Any:
    """Return what knows which datasets an account sees."""
    return admin.site.get_model_admin(Dataset)


def dataset_of(request: HttpRequest, question: Question) -> Dataset:
    """Return the dataset that a question names; raise Http404 if there is none that the account sees."""
    dataset: Dataset | None = dataset_admin().get_object(request, question.dataset)
    if dataset is None:
        raise Http404
    return dataset


def ask_for_groups(request: HttpRequest, dataset: Dataset, question: Question, tell: Tell | None = None) -> Answer:
    """Return the answer to a question for groups; raise ApiError."""
    query = read_query(question.groups_body(dataset.name), now_us=time_ns() // 1000)
    return slots.run(lambda lake: ask(lake, [dataset], query, tell), owner_of(request))


def explore_event(request: HttpRequest) -> HttpResponse:
    """Return all of an event: as a part of the page for its script, else as a page; or as the file that it is."""
    question = from_elsewhere(read_question(request.GET))
    dataset = dataset_of(request, question)
    try:
        event = find_event(dataset, question, request.GET, owner_of(request))
    except ApiError as error:
        return show_part(request, question, "events/explore_event.html", {"problem": error.message})
    if request.GET.get("as") == "file":
        disposition = {"Content-Disposition": f'attachment; filename="{event.row.id}.json"'}
        return HttpResponse(event.row.event.encode(), content_type="application/json", headers=disposition)
    file_address = f"{request.path}?{request.GET.urlencode()}&as=file"
    return show_part(request, question, "events/explore_event.html", {"event": event, "file_address": file_address})


def explore_trace(request: HttpRequest) -> HttpResponse:
    """Return the events of a trace, those from an hour before the event that led there to an hour after it."""
    question = from_elsewhere(read_question(request.GET))
    dataset = dataset_of(request, question)
    trace_id = request.GET.get("trace", "")
    try:
        at = int(request.GET.get("at", ""))
        frame = {"from": show_time(at - TRACE_AROUND), "to": show_time(at + TRACE_AROUND)}
    except (ValueError, OverflowError):
        raise Http404 from None
    filters = [{"path": "trace_id", "op": "=", "value": trace_id}]
    body = {"datasets": [dataset.name], **frame, "filters": filters, "limit": MAX_ROWS}
    try:
        [found] = find_rows(dataset, [body], owner_of(request))
    except ApiError as error:
        return show_part(request, question, "events/explore_trace.html", {"problem": error.message})
    term = group_term("trace_id", trace_id)
    shown = {
        "trace": draw_trace(found, question, request.GET.get("id", "")),
        "trace_id": visible(trace_id),
        "is_cut": len(found) == MAX_ROWS,
        "all_address": question.events_only.address(q=term) if term else "",
    }
    return show_part(request, question, "events/explore_trace.html", shown)


def explore_around(request: HttpRequest) -> HttpResponse:
    """Return the events of the same namespace around one, in their order."""
    question = from_elsewhere(read_question(request.GET))
    dataset = dataset_of(request, question)
    try:
        event = find_row(dataset, request.GET, owner_of(request))
        start, end = map(show_time, around(event))
        after = show_time(to_microseconds(event.event_time) + 1)
        filters = [{"path": "namespace", "op": "=", "value": event.namespace}]
        body = {"datasets": [dataset.name], "filters": filters, "limit": AROUND_EVENTS}
        oldest_first = [{"by": "event_time", "order": "asc"}]
        bodies = [body | {"from": start, "to": after}, body | {"from": after, "to": end, "order_by": oldest_first}]
        before, later = find_rows(dataset, bodies, owner_of(request))
    except ApiError as error:
        return show_part(request, question, "events/explore_around.html", {"problem": error.message})
    lines = [(event_line(row, question, dataset.name), row.id == event.id) for row in [*reversed(before), *later]]
    shown = {"lines": lines, "context": list(context_of(event, question)), "namespace": visible(event.namespace)}
    return show_part(request, question, "events/explore_around.html", shown)


def explore_trigger(request: HttpRequest) -> HttpResponse:
    """Show the trigger that a question's filters make; a search line that can't be understood is shown by Explore."""
    question = from_elsewhere(read_question(request.GET))
    dataset = dataset_of(request, question)
    try:
        trigger = make_trigger(dataset, question)
    except InvalidSearch:
        return HttpResponseRedirect(question.address())
    page = {**admin.site.each_context(request), "title": "Explore", "dataset": dataset, "back": question.address()}
    return render(request, "events/explore_trigger.html", page | {"trigger": trigger})


def show_part(request: HttpRequest, question: Question, template: str, shown: dict[str, Any]) -> HttpResponse:
    """Return a part of the page for its script; for browsers without it, a page of its own that leads back."""
    if "X-Background" in request.headers:
        return render(request, template, shown)
    page = {**admin.site.each_context(request), "title": "Explore", "part": template}
    return render(
        request, "events/explore_part.html", page | shown | {"back": question.address(before=question.before)}
    )


def explore_fields(request: HttpRequest) -> HttpResponse:
    """Return the fields of the events that the address asks for."""
    question = read_question(request.GET)
    dataset = dataset_of(request, question)
    try:
        query = read_query(question.body(dataset.name), now_us=time_ns() // 1000)
        found = slots.run(lambda lake: find_fields(lake, dataset, query), owner_of(request))
    except ApiError as error:
        return render(request, "events/explore_fields.html", {"problem": error.message})
    rows = field_rows(found, question, open_to_more(question.q))
    return render(request, "events/explore_fields.html", {"rows": rows, "warnings": found.statistics.warnings})


def groups_csv(request: HttpRequest) -> HttpResponse:
    """Download the table of groups."""
    question = read_question(request.GET)
    dataset = dataset_of(request, question)
    try:
        answer = ask_for_groups(request, dataset, question)
    except ApiError as error:
        return HttpResponse(f"{error.message}\n", content_type="text/plain; charset=utf-8", status=error.status)
    names = [_harmless(column["name"]) for column in answer.columns()]
    rows = [[_harmless(value) for value in row] for row in answer.rows]
    return HttpResponse(
        "".join(f"{line}\r\n" for line in csv_lines(names, rows)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{dataset.name}.csv"'},
    )


def _harmless(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula: whoever sends events chooses the texts."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def owner_of(request: HttpRequest) -> str:
    """Return in whose name a query runs: an account has so many at once."""
    return f"account {account_of(request).pk}"
