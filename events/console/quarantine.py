"""The console's pages for requests in quarantine: what was refused again and again, why; retry and drop."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import display

from eventlane.console import OwnRelatedFilter, count_of, moment, size
from eventlane.login import account_of
from eventlane.wire.inflate import NotInflatable, inflate
from events.ingest.retry import StillRefused, retry
from events.models import QuarantinedRequest
from pipelines.admin.automation import LongAdmin, Page
from projects.models import Account

SHOWN_BYTES = 8 * 1024


@admin.register(QuarantinedRequest)
class QuarantinedRequestAdmin(LongAdmin):
    """Requests in quarantine. Only admins may retry and drop them."""

    list_display = ("title", "reason", "what", "size", "key", "project", "quarantined")
    list_filter = (("project", OwnRelatedFilter),)
    list_select_related = ("project", "api_key")
    search_fields = ("path", "reason")
    page_template = "events/quarantined_request.html"
    actions = ("retry_selected", "drop_selected")
    empty_advice = (
        "What a key sends again and again although it is refused comes here, if the key’s “quarantine after” says so."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[QuarantinedRequest]:
        """Return requests without their bodies, which may have megabytes."""
        return super().get_queryset(request).defer("body")

    def has_settle_permission(self, request: HttpRequest) -> bool:
        """Let only admins retry and drop."""
        return account_of(request).role == Account.Role.ADMIN

    def below(self) -> dict[str, Page]:
        """Add the addresses of the buttons."""
        return {"retry": self.retry, "drop": self.drop}

    def page_context(self, request: HttpRequest, row: QuarantinedRequest) -> dict[str, Any]:
        """Return the page of one request."""
        body, is_cut = shown(row)
        return {
            "row": row,
            "title": self.title(row),
            "what": self.what(row),
            "body": body,
            "is_cut": is_cut,
            "may_settle": self.has_settle_permission(request),
        }

    def retry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Try again to store a request."""
        return self._settle(request, object_id, self._retry)

    def drop(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Delete a request."""
        return self._settle(request, object_id, self._drop)

    @admin.action(description="Retry selected", permissions=["settle"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[QuarantinedRequest]) -> None:
        """Try again to store the selected requests."""
        done = sum(self._retry(request, row) for row in queryset.order_by("id"))
        messages.info(request, f"{count_of(done, 'request')} stored.")

    @admin.action(description="Drop selected", permissions=["settle"])
    def drop_selected(self, request: HttpRequest, queryset: QuerySet[QuarantinedRequest]) -> None:
        """Delete the selected requests."""
        done = sum(self._drop(request, row) for row in queryset)
        messages.info(request, f"{count_of(done, 'request')} dropped.")

    def _settle(
        self, request: HttpRequest, object_id: str, settle: Callable[[HttpRequest, QuarantinedRequest], bool]
    ) -> HttpResponse:
        row = self.find(request, object_id)
        if not self.has_settle_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not settle(request, row):
            return HttpResponseRedirect(self.url_of(row))
        return HttpResponseRedirect(reverse("admin:events_quarantinedrequest_changelist"))

    def _retry(self, request: HttpRequest, row: QuarantinedRequest) -> bool:
        try:
            stored = retry(row)
        except StillRefused as error:
            messages.error(request, f"{self.title(row)} stays in quarantine: {error}.")
            return False
        self.log_change(request, row, f"Retried: {count_of(stored, 'event')} stored.")
        messages.success(request, f"{self.title(row)}: {count_of(stored, 'event')} stored.")
        return True

    def _drop(self, request: HttpRequest, row: QuarantinedRequest) -> bool:
        self.log_change(request, row, "Dropped.")
        QuarantinedRequest.objects.filter(pk=row.pk).delete()
        messages.success(request, f"{self.title(row)}: dropped.")
        return True

    @display(description="Sent to")
    def title(self, row: QuarantinedRequest) -> str:
        """Show where it was sent."""
        return row.path if len(row.path) <= 100 else f"{row.path[:100]}…"

    @display(description="What")
    def what(self, row: QuarantinedRequest) -> str:
        """Show whether it is a request as a whole or events of one."""
        return "whole request" if row.events is None else count_of(row.events, "event")

    @display(description="Size")
    def size(self, row: QuarantinedRequest) -> str:
        """Show the size of its body."""
        return size(row.bytes)

    @display(description="API key")
    def key(self, row: QuarantinedRequest) -> str:
        """Show whose it is."""
        return str(row.api_key) if row.api_key else "deleted"

    @display(description="Since")
    def quarantined(self, row: QuarantinedRequest) -> str:
        """Show when it was given up."""
        return moment(row.creation_time)


def shown(row: QuarantinedRequest) -> tuple[str, bool]:
    """Return the beginning of a body as text, decompressed if it can be, and whether there is more."""
    body, encoding = bytes(row.body), str(row.headers.get("content-encoding", "")).strip().lower()
    if encoding not in ("", "identity"):
        try:
            body = inflate(encoding, body, SHOWN_BYTES, lambda count: None)
        except NotInflatable:
            pass  # that may be why it was refused
    return body[:SHOWN_BYTES].decode(errors="backslashreplace"), len(body) > SHOWN_BYTES
