"""The console's pages for API keys: create, rotate, revoke. A key is shown once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from eventlane.console import ConsoleAdmin, OwnRelatedFilter, count_of, label, moment
from eventlane.forms import ModelForm
from eventlane.ids import is_id
from eventlane.project_choice import project_choice
from eventlane.times import format_time
from projects.api_keys import (
    descendants_of,
    revoke_api_key,
    revoke_with_descendants,
    rotate_api_key,
    seal_secret,
    set_expiration,
)
from projects.models import ApiKey
from projects.models.api_key import RIGHTS


def _working(now: datetime) -> Q:
    return Q(revocation_time=None) & (Q(expiration_time=None) | Q(expiration_time__gt=now))


# The states of a key, as filters; state_of() returns the same for one key.
STATES = {
    "active": lambda now: _working(now) & Q(account__disabled=False, replaced_by=None),
    "replaced": lambda now: _working(now) & Q(account__disabled=False, replaced_by__isnull=False),
    "account disabled": lambda now: _working(now) & Q(account__disabled=True),
    "expired": lambda now: Q(revocation_time=None, expiration_time__lte=now),
    "revoked": lambda now: Q(revocation_time__isnull=False),
}
LIFE = ("state", "creation_time", "created_by_key", "last_use_time", "revocation_time", "replaced_by")
AROUND_LAST_USE = timedelta(minutes=5)  # which is written down at most once in EVENTLANE_LAST_USE_SECONDS
LABEL_KINDS = {"active": "success", "replaced": "warning", "account disabled": "warning", "revoked": "danger"}


def state_of(api_key: ApiKey, now: datetime) -> str:
    """Return the state of a key, one of STATES: what a sender with this key will meet."""
    status = api_key.status(now)
    if status == "active" and api_key.account.disabled:
        return "account disabled"
    return "replaced" if status == "active" and api_key.replaced_by_id else status


def in_use(now: datetime) -> Q:
    """Return the filter for keys that work."""
    return STATES["active"](now) | STATES["replaced"](now)


class StateFilter(DropdownFilter):
    """Filter keys by their state."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> list[tuple[str, str]]:
        """Offer every state."""
        return [(state, state.capitalize()) for state in STATES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        """Keep the keys in the chosen state."""
        return queryset.filter(STATES[self.value()](timezone.now())) if self.value() in STATES else queryset


class AccountFilter(OwnRelatedFilter):
    """Filter keys by the account they act for."""

    order = ("email",)


INGEST = ("answer_200", "quarantine_after", "requests_per_second", "bytes_per_second")


class ApiKeyForm(ModelForm):
    """A key's name and expiration; for a new key also its rights and reach."""

    def clean_expiration_time(self) -> datetime | None:
        """Refuse an expiration in the past: to stop a key at once, revoke it."""
        time = self.cleaned_data["expiration_time"]
        if time and time <= timezone.now() and time != self.instance.expiration_time:
            raise ValidationError("This time is in the past. To stop a key at once, revoke it.")
        return time

    def clean(self) -> dict[str, Any]:
        """Report at the field what the database would refuse."""
        super().clean()
        cleaned = self.cleaned_data
        if "ingest" not in self.fields:
            return cleaned
        if not any(cleaned.get(right) for right in RIGHTS):
            self.add_error("ingest", "Choose at least one right.")
        if cleaned.get("ingest") and not cleaned.get("project") and "project" not in self.errors:
            self.add_error("project", "A key that may ingest needs a project.")
        return cleaned


@admin.register(ApiKey)
class ApiKeyAdmin(ConsoleAdmin):
    """API keys: create, rotate, revoke. A key is shown once.

    Rights, project and account are fixed at creation: a key must not gain power in its holder's hands.
    Only revoked keys can be deleted, so that tidying up cuts off no sender. A key that created another can't be
    deleted, so that everything that came from a leaked key can be found.
    """

    form = ApiKeyForm
    project_path = "project"
    empty_advice = "Programs authenticate with an API key. To send events, a key needs the right to ingest."
    wider_filters = ("project__id__exact",)
    secret_fields = ("digest",)
    list_display = ("title", "state", "rights_labels", "reach", "account", "last_use", "end")
    list_filter = (StateFilter, ("project", OwnRelatedFilter), ("account", AccountFilter))
    list_select_related = ("account", "project")
    search_fields = ("name", "prefix", "account__email")
    ordering = ("-creation_time",)
    actions = ("revoke_selected",)
    actions_detail = ("rotate", "revoke")
    add_fieldsets = (
        (None, {"fields": ("name",)}),
        ("Rights", {"fields": RIGHTS}),
        ("Reach", {"fields": ("project", "account", "expiration_time")}),
        ("Events it sends", {"fields": INGEST}),
    )
    fieldsets = (
        (None, {"fields": ("name", "expiration_time")}),
        ("Events it sends", {"fields": INGEST}),
        ("Can't be changed", {"fields": ("start", "rights_labels", "reach", "account")}),
        ("Activity", {"fields": LIFE}),
    )
    always_fixed = (
        *("start", "rights_labels", "reach", "account"),
        *LIFE,
    )

    # Permissions

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Sequence[str]:
        """Everything in a new key can be set, later all but who may do what, and once it is revoked, only the name."""
        if obj is None:
            return ()
        if obj.revocation_time:
            return (*self.always_fixed, "end", *INGEST)
        return self.always_fixed

    def get_fieldsets(self, request: HttpRequest, obj: ApiKey | None = None) -> Sequence[Any]:
        """Show when a revoked key would have expired as the list does."""
        fieldsets = super().get_fieldsets(request, obj)
        is_over = obj is not None and obj.revocation_time is not None
        return ((None, {"fields": ("name", "end")}), *fieldsets[1:]) if is_over else fieldsets

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """Allow deleting a revoked key that created no other."""
        is_over = obj is None or (obj.revocation_time is not None and not obj.created_keys.exists())
        return super().has_delete_permission(request, obj) and is_over

    def has_revoke_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Allow revoking a key that isn't revoked yet."""
        return self._may(request, object_id, Q(revocation_time=None))

    def has_rotate_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Allow rotating a key that works and has no successor yet."""
        return self._may(request, object_id, STATES["active"](timezone.now()))

    def _may(self, request: HttpRequest, object_id: str | None, condition: Q) -> bool:
        if object_id is not None:
            found = is_id(object_id) and self.get_queryset(request).filter(condition, pk=object_id).exists()
        return self.has_change_permission(request) and (object_id is None or found)

    def in_project(self, project: Model) -> Q:
        """Include keys that reach every project."""
        return super().in_project(project) | Q(project=None)

    # Creation

    def formfield_for_foreignkey(
        self, db_field: Any, request: HttpRequest, **options: Any
    ) -> "forms.ModelChoiceField[Any] | None":
        """Offer enabled accounts, with the user's own selected."""
        field = super().formfield_for_foreignkey(db_field, request, **options)
        if field and db_field.name == "account":
            offered: Any = field.queryset
            field.queryset = offered.filter(disabled=False)
            field.initial = request.user.pk
        if field and db_field.name == "project":
            field.empty_label = "Every project"
        return field

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Start with what most keys are used for."""
        return {"ingest": True, "project": project_choice(request).only}

    def save_model(self, request: HttpRequest, obj: ApiKey, form: ModelForm, change: bool) -> None:
        """Give a new key its organization and its secret, which exists only during this request."""
        if not change:
            obj.organization_id = obj.account.organization_id
            obj.secret = seal_secret(obj)
        super().save_model(request, obj, form, change)
        if change and obj.expiration_time and "expiration_time" in form.changed_data:
            set_expiration(obj, obj.expiration_time)

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        """Show the secret in this very reply: no session, cookie or address ever contains it."""
        return self.secret_page(request, obj, obj.secret, title="API key created")

    def secret_page(self, request: HttpRequest, api_key: ApiKey, secret: str, **context: Any) -> HttpResponse:
        """Return the page that shows a secret once."""
        page = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "api_key": api_key,
            "secret": secret,
            "key_url": reverse("admin:projects_apikey_change", args=[api_key.pk]),
            "list_url": reverse("admin:projects_apikey_changelist"),
            "public_url": settings.EVENTLANE_PUBLIC_URL,
        }
        return TemplateResponse(request, "projects/secret.html", page | context)

    # Rotation and revocation

    @action(description="Rotate", icon="autorenew", permissions=["rotate"])
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then issue a successor and show its secret."""
        now = timezone.now()
        old = self.get_object(request, object_id)
        if request.method != "POST":
            context = {"successor_end": old.expiration_time, "old_end": self._overlap_end(old, now)}
            return self.ask(request, [old], "projects/rotate.html", title="Rotate API key", **context)
        with transaction.atomic():
            locked = self.get_queryset(request).select_for_update(of=("self",)).get(pk=object_id)
            if locked.replaced_by_id or locked.status(now) != "active":
                raise PermissionDenied  # someone else rotated or revoked it between question and answer
            successor, secret = rotate_api_key(api_key=locked, now=now)
            self.log_change(request, locked, f"Rotated. The successor is {successor}.")
            self.log_addition(request, successor, f"Made by rotating {locked}.")
        return self.secret_page(request, successor, secret, title="API key rotated", old=locked)

    def _overlap_end(self, api_key: ApiKey, now: datetime) -> datetime:
        end = now + timedelta(hours=settings.EVENTLANE_KEY_OVERLAP_HOURS)
        return min(end, api_key.expiration_time or end)

    @action(description="Revoke", icon="block", permissions=["revoke"], variant=ActionVariant.DANGER)
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then revoke a key."""
        api_key = self.get_object(request, object_id)
        if request.method != "POST":
            return self.ask_to_revoke(request, [api_key], title="Revoke API key")
        self.revoke_all(request, [api_key])
        return HttpResponseRedirect(reverse("admin:projects_apikey_change", args=[api_key.pk]))

    @admin.action(description="Revoke selected API keys", permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> HttpResponse | None:
        """Ask, then revoke the selected keys."""
        api_keys = list(queryset.filter(revocation_time=None))
        if not api_keys:
            messages.info(request, "The selected keys are already revoked.")
        elif "confirmed" in request.POST:
            self.revoke_all(request, api_keys)
        else:
            title = f"Revoke {count_of(len(api_keys), 'API key')}"
            return self.ask_to_revoke(request, api_keys, title=title, action="revoke_selected")
        return None

    def ask_to_revoke(self, request: HttpRequest, api_keys: list[ApiKey], **context: Any) -> HttpResponse:
        """Return the page that asks, with the keys that these keys created and that would keep working."""
        chosen = {api_key.pk for api_key in api_keys}
        made = {one.pk: one for api_key in api_keys for one in descendants_of(api_key) if one.pk not in chosen}
        working = [one for one in made.values() if not one.revocation_time]
        return self.ask(request, api_keys, "projects/revoke.html", descendants=working, **context)

    def revoke_all(self, request: HttpRequest, api_keys: list[ApiKey]) -> None:
        """Revoke keys, and on request all that they created, each with an entry in its history."""
        revoke = revoke_with_descendants if "descendants" in request.POST else revoke_api_key
        with transaction.atomic():
            stopped = [one for api_key in api_keys for one in revoke(api_key=api_key, now=timezone.now())]
            for api_key in stopped:
                self.log_change(request, api_key, "Revoked.")
        messages.success(request, f"{count_of(len(stopped), 'API key')} revoked.")

    def ask(self, request: HttpRequest, api_keys: list[ApiKey], template: str, **context: Any) -> HttpResponse:
        """Return a page that asks before keys are changed."""
        page = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "api_keys": api_keys,
            "list_url": reverse("admin:projects_apikey_changelist"),
        }
        return TemplateResponse(request, template, page | context)

    # Columns

    @display(description="Name", ordering="name")
    def title(self, api_key: ApiKey) -> SafeString:
        """Show the name above the visible part of the key."""
        return format_html('{}<span class="ev-sub">{}…</span>', api_key.name, api_key.prefix)

    @display(description="Begins with", ordering="prefix")
    def start(self, api_key: ApiKey) -> SafeString:
        """Show the visible part of the key."""
        return format_html("<code>{}…</code>", api_key.prefix)

    @display(description="Status")
    def state(self, api_key: ApiKey) -> SafeString:
        """Show the key's state."""
        state = state_of(api_key, timezone.now())
        return label(state, LABEL_KINDS.get(state, "default"))

    @display(description="Rights")
    def rights_labels(self, api_key: ApiKey) -> SafeString:
        """Show the rights."""
        labels = format_html_join(" ", "{}", ((label(right),) for right in api_key.rights))
        return format_html('<span class="ev-nowrap">{}</span>', labels)

    @display(description="Project", ordering="project__name")
    def reach(self, api_key: ApiKey) -> str:
        """Show which projects the key can reach."""
        return api_key.project.name if api_key.project else "every project"

    @display(description="Last use", ordering="last_use_time")
    def last_use(self, api_key: ApiKey) -> SafeString | str:
        """Show when the key was used last, and lead from a key that sends to the events of that time."""
        last = api_key.last_use_time
        if last is None or "ingest" not in api_key.rights:
            return moment(last)
        frame = {"from": format_time(last - AROUND_LAST_USE), "to": format_time(last + AROUND_LAST_USE)}
        asked = urlencode(({"project": api_key.project_id} if api_key.project_id else {}) | frame)
        return format_html('<a class="text-link" href="{}?{}">{}</a>', reverse("console-explore"), asked, moment(last))

    @display(description="Expires", ordering="expiration_time")
    def end(self, api_key: ApiKey) -> SafeString | str:
        """Show when the key expires."""
        return moment(api_key.expiration_time)
