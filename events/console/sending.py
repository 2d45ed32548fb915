"""The page about sending events to a dataset: a key, snippets that work as they are, and whether events arrive."""

import re
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextInputWidget

from eventlane.console import count_of, number, public_address
from eventlane.login import account_of
from events.console.activity import received
from events.console.health import answer_or_none
from events.console.sizes import measure
from events.models import Dataset
from projects.api_keys import issue_api_key
from projects.models import ApiKey

PLAIN_NAMESPACE = re.compile(r"[A-Za-z0-9._-]+")  # needs no quoting in a path, a header or any language
NAMESPACE = "my-service"
KEY = "$EVENTLANE_KEY"


@dataclass(frozen=True, slots=True)
class Snippet:
    """Code that sends an event."""

    name: str
    title: str
    note: str


SNIPPETS = [
    Snippet("curl", "curl", "In a terminal. Sent again under its idempotency-key, an event is stored once."),
    Snippet("python", "Python", "Nothing to install."),
    Snippet("requests", "Python with requests", "pip install requests"),
    Snippet("node", "Node", "Version 18 or newer; nothing to install."),
    Snippet(
        "browser", "Browser", "Any origin may send. Visitors of the page can read the key: create one just for this."
    ),
    Snippet("pino", "pino", "npm install pino pino-abstract-transport"),
    Snippet("winston", "winston", "npm install winston. Its HTTP transport must batch: the body is an array."),
    Snippet(
        "send", "From a file", "On this server, with a progress bar; a JSON array or one object per line, any size."
    ),
]


class IngestKeyForm(forms.Form):
    """The name of a new key."""

    name = forms.CharField(label="Name of the key", max_length=100, widget=UnfoldAdminTextInputWidget)


def sending_page(model_admin: ModelAdmin, request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """Return the page. A POST creates a key for the account; only the reply ever shows it."""
    may_make_key = _key_admin().has_add_permission(request)
    secret = ""
    form = IngestKeyForm(initial={"name": f"{dataset.name} sender"})
    if request.method == "POST":
        if not may_make_key:
            raise PermissionDenied
        form = IngestKeyForm(request.POST)
        if form.is_valid():
            secret = _make_key(request, dataset, form.cleaned_data["name"])
    page = {
        **model_admin.admin_site.each_context(request),
        **public_address(request),
        "title": "How to send events",
        "opts": model_admin.opts,
        "dataset": dataset,
        "original": dataset,  # for the breadcrumbs
        "form": form if may_make_key and not secret else None,
        "secret": secret,
        "snippets": _snippets(dataset, secret or KEY),
        "arrival": arrival(dataset),
        "arrived_url": reverse("admin:events_dataset_arrived", args=[dataset.pk]),
        "dataset_url": reverse("admin:events_dataset_change", args=[dataset.pk]),
        "body_limit": settings.EVENTLANE_MAX_BODY_BYTES,
        "event_limit": settings.EVENTLANE_MAX_EVENT_BYTES,
    }
    response = TemplateResponse(request, "events/send.html", page)
    add_never_cache_headers(response)
    return response


def arrived(dataset: Dataset | None) -> JsonResponse:
    """Return whether events arrive at the dataset, for a page that waits for the first one."""
    if dataset is None:
        return JsonResponse({"error": "no such dataset"}, status=404)
    return JsonResponse(arrival(dataset))


def arrival(dataset: Dataset) -> dict[str, Any]:
    """Return what is known about the dataset's events: `state` is waiting, quiet, arrived or unknown."""
    activity = answer_or_none(received, Dataset.objects.filter(pk=dataset.pk), timezone.now())
    sizes = answer_or_none(measure, [dataset])
    if activity is None or sizes is None:
        return {"state": "unknown", "text": "It isn’t known now whether events arrive."}
    lately, stored = sum(activity.total()), sizes[0]
    if lately:
        return {"state": "arrived", "text": f"Events arrive: {number(lately)} in the last hour."}
    if stored:
        return {"state": "quiet", "text": f"{count_of(stored, 'event')} stored, none in the last hour. Waiting…"}
    return {"state": "waiting", "text": "Waiting for the first event…"}


def _key_admin() -> Any:
    return admin.site.get_model_admin(ApiKey)


def _make_key(request: HttpRequest, dataset: Dataset, name: str) -> str:
    """Create a key that may send to the dataset's project, record it in its history, and return its secret."""
    with transaction.atomic():
        api_key, secret = issue_api_key(
            account=account_of(request), name=name, rights=["ingest"], project=dataset.project
        )
        _key_admin().log_addition(request, api_key, f"Created to send to {dataset}.")
    return secret


def _snippets(dataset: Dataset, key: str) -> list[tuple[Snippet, str]]:
    plain = PLAIN_NAMESPACE.fullmatch(dataset.default_namespace)
    context = {
        "url": settings.EVENTLANE_PUBLIC_URL,
        "dataset": dataset.name,
        "namespace": dataset.default_namespace if plain else NAMESPACE,
        "key": key,
    }
    return [(snippet, render_to_string(f"events/snippets/{snippet.name}.txt", context)) for snippet in SNIPPETS]
