"""From a question to an alert: the YAML of an alert that asks it, to deploy or to save at once."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from eventlane.login import account_of
from eventlane.wire.errors import ApiError, InvalidRequestBody, Problem
from events.alerts.evaluate import evaluate
from events.alerts.record import state_of
from events.alerts.spec import ASKED
from events.alerts.words import condition_text
from events.console.alerts import STATE_KINDS
from events.console.explore.parts import dataset_of
from events.console.explore.question import Question, read_question
from events.console.explore.saving import saved_data
from events.console.own import query_owner
from events.models import Dataset
from pipelines.access import resources_of
from pipelines.models import Resource
from pipelines.resources.files import spec_text
from pipelines.resources.saving import checked_spec, save_resource, spoken
from pipelines.resources.yaml_text import InvalidYaml, read_yaml
from projects.models import Account

VERSION = 1


@dataclass(frozen=True, slots=True)
class Trial:
    """What an alert that isn't saved finds now: the first groups that it compares, and whether each fires."""

    state: str
    kind: str  # of a label
    window: str
    threshold: str
    lines: list[tuple[str, str]]


def make_alert(request: HttpRequest) -> HttpResponse:
    """Show the YAML of an alert that asks the address's question; save what an admin made of it."""
    question = read_question(request.GET)
    dataset = dataset_of(request, question)
    channels = _channels(dataset)
    may_save = account_of(request).role == Account.Role.ADMIN
    text, problems = spec_text(spec_of(question, dataset, channels), compact=True), []
    tried: Trial | None = None
    if request.method == "POST":
        if not may_save and "try" not in request.POST:
            raise PermissionDenied
        text = request.POST.get("text", "").replace("\r\n", "\n")
        try:
            if "try" not in request.POST:
                return _saved(request, dataset, text)
            tried = _tried(request, dataset, text)
        except InvalidYaml as error:
            problems = [str(error)]
        except ApiError as error:
            problems = spoken(error)
    page = {
        **admin.site.each_context(request),
        "title": "Make an alert",
        "text": text,
        "problems": problems,
        "tried": tried,
        "channels": channels,
        "may_save": may_save,
        "project": dataset.project,
        "alert_url": alert_url(question),
        "back": reverse("console-explore") + question.address(),
    }
    return render(request, "events/explore_alert.html", page, status=400 if problems else 200)


def alert_url(question: Question) -> str:
    """Return the address of the page that makes an alert of a question."""
    return reverse("console-explore-alert") + question.address()


def spec_of(question: Question, dataset: Dataset, channels: list[str]) -> dict[str, Any]:
    """Return an alert that asks a question; its threshold is a guess."""
    asked = saved_data(question, dataset.name)
    data = {"query": {name: asked[name] for name in ASKED if name in asked}, "threshold": "> 10"}
    data |= {"window": "5m", "frequency": "1m", "channels": channels[:1]}
    return {"type": Resource.Type.ALERT.value, "version": VERSION, "name": "new-alert", "data": data}


def _channels(dataset: Dataset) -> list[str]:
    channels = resources_of(dataset.project).filter(type=Resource.Type.CHANNEL)
    return list(channels.order_by("name").values_list("name", flat=True))


def _saved(request: HttpRequest, dataset: Dataset, text: str) -> HttpResponse:
    """Save the alert, and go to its page; raise InvalidYaml or ApiError."""
    saved = save_resource(dataset.project, _spec(text), account=account_of(request))
    messages.success(request, f"Alert {saved.name} saved.")
    return HttpResponseRedirect(reverse("admin:events_alert_change", args=[saved.pk]))


def _tried(request: HttpRequest, dataset: Dataset, text: str) -> Trial:
    """Return what the alert would find now; raise InvalidYaml or ApiError."""
    rows = {(row.type, row.name): row for row in resources_of(dataset.project)}
    spec = checked_spec(dataset.project, _spec(text), rows)
    alert = Resource(project=dataset.project, type=Resource.Type.ALERT, name=spec["name"], spec=spec)
    finding = evaluate(alert, timezone.now(), owner=query_owner(request))
    return Trial(
        state=str(state_of(finding.conditions).label),
        kind=STATE_KINDS[state_of(finding.conditions)],
        window=alert.data["window"],
        lines=[(condition_text(one, alert), "") for one in finding.conditions if "group" not in one]
        + [(condition_text(one, alert), "yes" if one in finding.conditions else "no") for one in finding.compared],
        threshold=alert.data.get("threshold", ""),
    )


def _spec(text: str) -> Any:
    documents = list(read_yaml(text))
    if len(documents) != 1:
        raise InvalidYaml(f"There are {len(documents)} documents in it instead of one.")
    [spec] = documents
    if isinstance(spec, dict) and spec.get("type", "") != Resource.Type.ALERT:
        raise InvalidRequestBody([Problem("/type", "must be alert")])
    return spec
