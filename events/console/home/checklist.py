"""What a new installation is for, step by step. Each step ticks itself."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from eventlane.login import account_of
from events.console.explore.question import Question
from events.console.own import own_rows
from events.models import Dataset
from pipelines.models import Resource
from projects.models import Account, Project

SEEN = "eventlane_seen"  # the cookie of a browser that has shown events
YEAR = 365 * 86_400
NEW_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do once: how, where in the console, and whether it was done."""

    title: str
    text: str
    done: bool
    link: str = ""
    url: str = ""
    code: str = ""


def note_seen(response: HttpResponse) -> HttpResponse:
    """Remember in the browser that it has shown events."""
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(SEEN, "1", max_age=YEAR, secure=secure, httponly=True, samesite="Lax")
    return response


def checklist(request: HttpRequest, datasets: list[Dataset], has_events: bool, now: datetime) -> list[Step]:
    """Return the steps while there are no events, and in the first days until all are done; else none."""
    if has_events and now - account_of(request).organization.creation_time > NEW_FOR:
        return []
    deployed = set(own_rows(request, Resource).values_list("type", flat=True).distinct())
    steps = [
        _send(request, datasets, has_events),
        Step(
            "See it",
            "Explore searches events, counts them over time, and shows each as it was sent.",
            has_events and SEEN in request.COOKIES,
            "Open Explore",
            reverse("console-explore"),
        ),
        _allow(request),
        Step(
            "Deploy a pipeline",
            "Describe tasks, pipelines and what triggers them in YAML files, and deploy their folder.",
            Resource.Type.PIPELINE in deployed,
            code="manage.py deploy FOLDER",
        ),
        _alert(request, datasets, Resource.Type.ALERT in deployed),
    ]
    return [] if all(step.done for step in steps) else steps


def _send(request: HttpRequest, datasets: list[Dataset], done: bool) -> Step:
    text = (
        "The page of a dataset has lines to copy for curl, Python, Node and loggers, and shows the first event arrive."
    )
    if datasets:
        url = reverse("admin:events_dataset_send", args=[datasets[0].pk])
        return Step("Send an event", text, done, f"How to send to {datasets[0]}", url)
    if _is_admin(request):
        return Step("Send an event", text, done, "Create a dataset", reverse("admin:events_dataset_add"))
    return Step("Send an event", "Ask an admin of your organization to create a dataset.", done)


def _allow(request: HttpRequest) -> Step:
    allowed = Q(local_runtime=True) | Q(container_runtime=True)
    done = own_rows(request, Project).filter(allowed).exists()
    url = reverse("admin:projects_project_changelist")
    text = "Pipelines run tasks as processes of this server or in containers, once you allow it for the project."
    return Step("Allow tasks", text, done, "Choose the project", url, code="manage.py allow_tasks")


def _alert(request: HttpRequest, datasets: list[Dataset], done: bool) -> Step:
    text = "An alert asks a query again and again, and tells you by e-mail, Slack or webhook when something is wrong. "
    if not datasets:
        return Step("Be told", f"{text}Once there is a dataset, you can make one of any question to it.", done)
    one = datasets[0]
    save = "save it" if _is_admin(request) else "let an admin save it"
    text += f"Begin with one for the errors in {one}: name it, set its threshold, and {save}. "
    text += "The channels that carry its messages are deployed from YAML files; docs/alerts.md has examples."
    url = reverse("console-explore-alert") + Question(one.pk, q="level:error").address()
    return Step("Be told", text, done, "Make an alert", url, code="manage.py deploy FOLDER")


def _is_admin(request: HttpRequest) -> bool:
    return account_of(request).role == Account.Role.ADMIN
