"""What the console finds by name (Ctrl+K): pages of the menu, and rows of the kinds that the apps add.

Access is decided here, for all kinds alike. Rows are within the wall of their console class, and in the project chosen
in the sidebar where the class's list follows that. No index helps to find a text within names, so a search reads the
names of the organization, for EVENTLANE_FIND_SECONDS at most; then it says which kinds it left out.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db import connection, transaction
from django.db.models import Case, F, Model, Q, QuerySet, Value, When
from django.http import HttpRequest
from django.urls import reverse

from eventlane.database import DATABASE_FAILED, is_time_out
from eventlane.ids import is_id
from eventlane.unfold import menu_pages

MOST_OF_A_KIND = 5
EXACT, BEGINS, HOLDS = range(3)  # how well a name fits
ALL = Q()

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows that people look for by name.

    title, plural  what they are called
    model, only    which rows, of those that the model's console class shows
    url            the address of a row, given `pk`, `found_name` and the columns in `needs`
    name           the path to a row's name; `any_case` if names aren't all in lower case
    places         paths to the names of what it is in, the widest first
    by_id          found by the id alone, since the rows share few names
    list_url       returns the address of a list of them that isn't in the menu
    also           other words for it that somebody might type into the address of a page
    """

    title: str
    plural: str
    icon: str
    model: type[Model]
    url: Callable[[Row], str]
    name: str = "name"
    any_case: bool = False
    places: tuple[str, ...] = ("project__name",)
    only: Q = ALL
    needs: tuple[str, ...] = ()
    by_id: bool = False
    list_url: Callable[[], str] | None = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A line of the palette."""

    name: str
    kind: str
    place: str
    url: str
    icon: str
    fits: int


@dataclass(slots=True)
class Findings:
    """What a search found, the best first; the kinds of which there is more, and those it had no time for."""

    lines: list[Found] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


KINDS: list[Kind] = []


def add_kinds(*kinds: Kind) -> None:
    """Let the palette find rows of these kinds. An app's come before those of the apps below: data before accounts."""
    KINDS[:0] = kinds


def page_of(route: str) -> Callable[[Row], str]:
    """Return the function that returns the address of a row's page, by the name of its route."""
    return lambda row: reverse(route, args=[row["pk"]])


def find(request: HttpRequest, text: str) -> Findings:
    """Return the pages and the rows whose names hold the text, as far as the account sees them."""
    text = text.replace("\0", "").strip()  # PostgreSQL refuses U+0000
    found = Findings()
    if not text:
        return found
    found.lines.extend(_pages(text))
    deadline = time.monotonic() + settings.EVENTLANE_FIND_SECONDS
    for kind in KINDS:
        try:
            with _until(deadline):
                rows = list(_rows(request, kind, text)[: MOST_OF_A_KIND + 1])
        except DATABASE_FAILED as error:
            if not is_time_out(error):
                raise
            found.left_out.append(kind.plural)
            continue
        found.lines.extend(_line(kind, row) for row in rows[:MOST_OF_A_KIND])
        if len(rows) > MOST_OF_A_KIND:
            found.cut.append(kind.plural)
    found.lines.sort(key=lambda line: line.fits)
    return found


def _pages(text: str) -> Iterator[Found]:
    wanted = text.lower()
    for group, page in menu_pages():
        title = str(page["title"])
        if wanted in title.lower() or wanted in group.lower():
            yield Found(title, "Page", group, str(page["link"]), str(page["icon"]), _fit(title.lower(), wanted))


def _fit(name: str, wanted: str) -> int:
    return EXACT if name == wanted else BEGINS if name.startswith(wanted) else HOLDS


def _rows(request: HttpRequest, kind: Kind, text: str) -> QuerySet[Any, dict[str, Any]]:
    """Return the rows of a kind that the account sees and that fit, the best first."""
    model_admin: Any = admin.site.get_model_admin(kind.model)
    if not model_admin.has_view_permission(request):
        return kind.model._default_manager.none().values()
    rows = kind.model._default_manager.filter(model_admin.wall(request), kind.only)
    if project := model_admin.narrowed_to(request):
        rows = rows.filter(model_admin.in_project(project))
    fits = _fits(kind, text)
    fitting = rows.filter(fits[HOLDS]).annotate(
        fits=Case(When(fits[EXACT], then=EXACT), When(fits[BEGINS], then=BEGINS), default=Value(HOLDS))
    )
    columns = {f"place_{number}": F(path) for number, path in enumerate(kind.places)}
    named = fitting.order_by("fits", kind.name, *kind.places, "pk")
    return named.values("pk", "fits", *kind.needs, found_name=F(kind.name), **columns)


def _fits(kind: Kind, text: str) -> tuple[Q, Q, Q]:
    """Return the conditions of EXACT, BEGINS and HOLDS. An id fits exactly: logs and programs show ids."""
    by_id = Q(pk=text) if is_id(text) else Q(pk__in=())
    if kind.by_id:
        return by_id, by_id, by_id
    # Names in lower case are compared as they are: that takes half the time.
    case, wanted = ("i", text) if kind.any_case else ("", text.lower())
    exact, begins, holds = (
        Q(**{f"{kind.name}__{case}{lookup}": wanted}) for lookup in ("exact", "startswith", "contains")
    )
    return exact | by_id, begins, holds | by_id


def _line(kind: Kind, row: Row) -> Found:
    places = (row[f"place_{number}"] for number in range(len(kind.places)))
    return Found(row["found_name"], kind.title, " / ".join(filter(None, places)), kind.url(row), kind.icon, row["fits"])


@contextmanager
def _until(deadline: float) -> Iterator[None]:
    """Let PostgreSQL end a statement in half the time until then: the kinds after a slow one get their turn, too."""
    milliseconds = max(1, int((deadline - time.monotonic()) * 1000 / 2))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(milliseconds)])
        yield
        cursor.execute("SET LOCAL statement_timeout TO DEFAULT")  # for a transaction around this one
