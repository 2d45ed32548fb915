"""The page: what the question finds, or why that can't be told."""

from collections.abc import Mapping
from time import time_ns
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from eventlane.console import count_of, number
from eventlane.ids import is_id
from eventlane.login import account_of
from eventlane.project_choice import project_choice
from eventlane.times import from_microseconds
from eventlane.wire.errors import ApiError
from events.console.activity import received
from events.console.explore.asking import told
from events.console.explore.bars import frame_text, stack
from events.console.explore.groups import draw_lines, group_rows, headings, others_row
from events.console.explore.lines import event_line
from events.console.explore.live import live_address
from events.console.explore.parts import ask_for_groups, dataset_admin, dataset_of, owner_of
from events.console.explore.question import NOW, PRESETS, Question, is_canonical, read_question
from events.console.explore.saving import saved_context
from events.console.explore.terms import open_to_more
from events.console.explore.why_empty import chips_of, why_empty
from events.console.health import answer_or_none
from events.console.home.checklist import note_seen
from events.console.sending import arrival
from events.lake.slots import slots
from events.models import Dataset
from events.query.answer import Answer
from events.query.body import MAX_ROWS, read_query
from events.query.model import Query
from events.query.progress import Tell
from events.query.run import ask_together
from events.query.times import InvalidTime, read_duration, read_time
from events.query.typed import elements
from projects.models import Account

BY_LEVEL = {"calculations": [{"op": "count"}], "group_by": ["level"], "granularity": "auto", "limit": MAX_ROWS}
WIDER = (*PRESETS, "30d", "365d")
OFFERED_DATASETS = 200
FIELDS = {
    "q": "Search",
    "from": "From",
    "to": "To",
    "calculations": "Calculate",
    "group_by": "Group by",
    "order_by": "Order",
    "limit": "Groups",
    "before": "The cursor in the address",
}


def explore_page(request: HttpRequest) -> HttpResponse:
    """Show what the address asks; another way to write the same question leads to the usual one."""
    question = read_question(request.GET)
    if not question.dataset:
        project, rows = request.GET.get("project", ""), _rows(request)
        dataset = (_busiest(rows.filter(project=project)) if is_id(project) else None) or _busiest(rows)
        if dataset is None:
            return _show(request, {"state": "no dataset", "may_add": account_of(request).role == Account.Role.ADMIN})
        return HttpResponseRedirect(request.path + question.address(dataset=dataset.pk))
    if named := None if is_id(question.dataset) else _rows(request).filter(name=question.dataset).first():
        return HttpResponseRedirect(request.path + question.address(dataset=named.pk, before=question.before))
    if not is_canonical(request.GET, question):
        return HttpResponseRedirect(request.path + question.address(before=question.before))
    dataset = dataset_of(request, question)
    find = _found_groups if question.asks_for_groups else _found_events
    try:
        with told(request) as tell:
            found, status = find(request, dataset, question, tell) | {"chips": chips_of(question)}, 200
        if found["state"] == "nothing found":
            found["reasons"] = why_empty(dataset, question, owner_of(request))
    except ApiError as error:
        found, status = {"state": "error", "problem": error, **_explained(error, question)}, error.status
    return _show(request, _form(request, dataset, question) | saved_context(request, dataset, question) | found, status)


def _show(request: HttpRequest, found: dict[str, Any], status: int = 200) -> HttpResponse:
    page = {**admin.site.each_context(request), "title": "Explore", "narrowed_to": project_choice(request).chosen}
    response = render(request, "events/explore.html", page | found, status=status)
    for name, value in getattr(found.get("problem"), "headers", {}).items():  # when to try again
        response[name] = value
    return note_seen(response) if found["state"] in ("events", "groups") else response


# Datasets


def _rows(request: HttpRequest) -> QuerySet[Dataset]:
    """Return the account's datasets, those of the project chosen in the sidebar if one is."""
    model_admin, project = dataset_admin(), project_choice(request).chosen
    rows: QuerySet[Dataset] = model_admin.get_queryset(request).select_related("project")
    return (rows.filter(project=project) if project else rows).order_by("name", "project__name")


def _offered(request: HttpRequest) -> list[Dataset]:
    return list(_rows(request)[:OFFERED_DATASETS])


def _busiest(datasets: QuerySet[Dataset]) -> Dataset | None:
    """Return the dataset that received most in the last hour, else the first."""
    activity = answer_or_none(received, datasets, timezone.now())
    busiest = activity.busiest()[:1] if activity else []
    return datasets.filter(pk__in=busiest).first() or datasets.first()


def _form(request: HttpRequest, dataset: Dataset, question: Question) -> dict[str, Any]:
    offered = _offered(request)
    if dataset not in offered:
        offered.insert(0, dataset)
    return {
        "question": question,
        "dataset": dataset,
        "offered": offered,
        "several_projects": len({one.project_id for one in offered}) > 1,
        "presets": PRESETS.items(),
        "query_seconds": f"{settings.EVENTLANE_QUERY_SECONDS:g}",
        "send_url": reverse("admin:events_dataset_send", args=[dataset.pk]),
        "by_event_time": question.address(time=""),
        "newest_address": question.address() if question.before else "",
        "fields_address": reverse("console-explore-fields") + question.address(),
        "all_fields_address": reverse("console-explore-fields") + question.address(q=""),
    }


# What was found


def _found_groups(request: HttpRequest, dataset: Dataset, question: Question, tell: Tell | None) -> dict[str, Any]:
    """Ask for the groups; raise ApiError."""
    answer = ask_for_groups(request, dataset, question, tell)
    shown = bool(answer.rows) and (bool(answer.query.group_by) or answer.statistics.events_scanned > 0)
    return {
        "state": "groups" if shown else _nothing(dataset, answer),
        "frame": frame_text(*map(from_microseconds, (answer.query.from_us, answer.query.to_us))),
        "headings": headings(answer, question),
        "groups": group_rows(answer, question, open_to_more(question.q)),
        "others": others_row(answer),
        "line_chart": draw_lines(answer, question, of=_order(answer.query)) if shown else None,
        "total": "0",  # shown where there is nothing else
        "total_noun": "events match",
        "scanned": number(answer.statistics.events_scanned),
        "scanned_events": count_of(answer.statistics.events_scanned, "event"),
        "elapsed_ms": number(round(answer.statistics.elapsed_ms)),
        "events_address": question.events_only.address(),
        "csv_address": reverse("console-explore-csv") + question.address(),
        "partial": answer.statistics.partial,
        "warnings": dict.fromkeys(answer.statistics.warnings),
        "wider": _wider(question, answer.query.seconds),
        "without_search": question.address(q="") if question.q else "",
    }


def _order(query: Query) -> int:
    """Return which calculation the groups are in order of; the first if it is none."""
    names, order = [one.name for one in query.calculations], query.order_by
    return names.index(order[0].by) if order and order[0].by in names else 0


def _found_events(request: HttpRequest, dataset: Dataset, question: Question, tell: Tell | None) -> dict[str, Any]:
    """Ask for the newest events and for their number by level, of one moment; raise ApiError."""
    now_us = time_ns() // 1000
    before = {"before": question.before} if question.before else {}
    by_level = read_query(question.body(dataset.name, **BY_LEVEL), now_us=now_us)
    newest = read_query(question.body(dataset.name, **before), now_us=now_us)
    counts, events = slots.run(lambda lake: ask_together(lake, [dataset], [by_level, newest], tell), owner_of(request))
    open_q = open_to_more(question.q)
    total = sum(count for _, count in [*counts.rows, counts.others or (None, 0)])
    return {
        "state": "events" if total else _nothing(dataset, counts),
        "frame": frame_text(*map(from_microseconds, (by_level.from_us, by_level.to_us))),
        "chart": stack(counts, question, open_q),
        "total": number(total),
        "total_noun": "event matches" if total == 1 else "events match",
        "scanned": number(counts.statistics.events_scanned) if question.q else "",
        "elapsed_ms": number(round(counts.statistics.elapsed_ms)),
        "lines": [event_line(row, question, name) for name, row in events.events],
        "columns": [(path, question.without_column(path)) for path in question.column_paths],
        "live_address": live_address(question, events),
        "older_address": question.address(before=events.before) if events.before else "",
        "partial": counts.statistics.partial,
        "warnings": dict.fromkeys([*_left_out(counts), *counts.statistics.warnings, *events.statistics.warnings]),
        "wider": _wider(question, by_level.seconds),
        "without_search": question.address(q="") if question.q else "",
    }


def _left_out(counts: Answer) -> list[str]:
    """Return what the chart doesn't show, though it counts."""
    return [f"the chart has only the {number(MAX_ROWS)} most frequent levels"] if counts.others else []


def _nothing(dataset: Dataset, counts: Answer) -> str:
    """Return why there is nothing to show."""
    if counts.statistics.events_scanned or counts.statistics.partial:
        return "nothing found"
    return "no events" if arrival(dataset)["state"] == "waiting" else "nothing found"


def _wider(question: Question, seconds: float) -> tuple[str, str] | None:
    """Return name and address of the next wider time frame until now."""
    for name in WIDER:
        if read_duration(name) > seconds * 1e6 * 1.01:
            return PRESETS.get(name, name.replace("d", " d")), question.address(from_time=name, to_time=NOW)
    return None


# What went wrong


def _explained(error: ApiError, question: Question) -> dict[str, Any]:
    """Return where in the search line, or in which fields, an error is; and a shorter time frame, where that helps."""
    if error.code == "invalid_search":
        at = error.data["position"] - 1
        return {"place": (question.q[:at], question.q[at : at + 1] or " ", question.q[at + 1 :])}
    if error.code == "invalid_request_body":
        found = error.data["jsv_errors"]
        asked = [one for one in found if one["pointer"] != "/granularity"] or found  # Explore chooses that by itself
        return {"problems": [_sentence(question, **problem) for problem in asked]}
    if error.code in ("query_timeout", "query_too_large"):
        return {"shorter": _shorter(question, error.data["shorter"], error.data.get("looked_back_to", ""))}
    return {}


def _sentence(question: Question, pointer: str, reason: str) -> str:
    _, member, place, *_ = [*pointer.split("/"), "", ""]
    written = elements({"calculations": question.calculate, "group_by": question.by}.get(member, ""))
    which = f" '{written[int(place)]}'" if place.isdecimal() and int(place) < len(written) else ""
    return f"{FIELDS.get(member, pointer)}{which}: {reason}"


def _shorter(question: Question, frame: Mapping[str, str], looked_back_to: str) -> tuple[str, str]:
    """Return name and address of a shorter time frame: of the longest preset that is, else of this one.

    If all since a moment was looked at in time, it is the longest that doesn't reach back further, or the shortest one.
    """
    try:
        span = read_duration(question.from_time) if question.to_time == NOW else 0
    except InvalidTime:
        span = 0
    names = [name for name in PRESETS if read_duration(name) < span]
    if names and looked_back_to:
        in_time = time_ns() // 1000 - read_time(looked_back_to, now_us=0)
        names = [name for name in names if read_duration(name) <= in_time] or names[:1]
    if names:
        return f"the last {PRESETS[names[-1]]}", question.address(from_time=names[-1], to_time=NOW)
    start, end = (from_microseconds(read_time(frame[name], now_us=0)) for name in ("from", "to"))
    return frame_text(start, end), question.address(from_time=frame["from"], to_time=frame["to"])
