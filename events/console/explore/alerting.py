"""From a question to an alert: the YAML of an alert that asks it, to deploy or to save at once."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from eventlane.login import account_of
from eventlane.wire.errors import ApiError, InvalidRequestBody, Problem
from events.alerts.spec import ASKED
from events.console.explore.parts import dataset_of
from events.console.explore.question import Question, read_question
from events.console.explore.saving import saved_data
from events.models import Dataset
from pipelines.access import resources_of
from pipelines.models import Resource
from pipelines.resources.files import spec_text
from pipelines.resources.saving import save_resource, spoken
from pipelines.resources.yaml_text import InvalidYaml, read_yaml
from projects.models import Account

VERSION = 1


def make_alert(request: HttpRequest) -> HttpResponse:
    """Show the YAML of an alert that asks the address's question; save what an admin made of it."""
    question = read_question(request.GET)
    dataset = dataset_of(request, question)
    channels = _channels(dataset)
    may_save = account_of(request).role == Account.Role.ADMIN
    text, problems = spec_text(spec_of(question, dataset, channels), compact=True), []
    if request.method == "POST":
        if not may_save:
            raise PermissionDenied
        text = request.POST.get("text", "").replace("\r\n", "\n")
        try:
            return _saved(request, dataset, text)
        except InvalidYaml as error:
            problems = [str(error)]
        except ApiError as error:
            problems = spoken(error)
    page = {
        **admin.site.each_context(request),
        "title": "Make an alert",
        "text": text,
        "problems": problems,
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
    documents = list(read_yaml(text))
    if len(documents) != 1:
        raise InvalidYaml(f"There are {len(documents)} documents in it instead of one.")
    [spec] = documents
    if isinstance(spec, dict) and spec.get("type", "") != Resource.Type.ALERT:
        raise InvalidRequestBody([Problem("/type", "must be alert")])
    saved = save_resource(dataset.project, spec, account=account_of(request))
    messages.success(request, f"Alert {saved.name} saved.")
    return HttpResponseRedirect(reverse("admin:events_alert_change", args=[saved.pk]))
