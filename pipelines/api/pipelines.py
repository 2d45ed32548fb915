"""Pipelines and their scratchpads (docs/api/v0.md, sections 2.10, 2.13, 6.5, 6.9)."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from eventlane.api.operation import Operation
from eventlane.api.serializers import IdField, NameField, Representation, RequestBody, TimeField
from eventlane.api.sources import by_moment
from eventlane.lookup import get_or_unknown
from eventlane.wire.body import BadBody, BodyTooLarge, read_body
from eventlane.wire.errors import InvalidRequestBody, Problem, RequestTooLarge, UnknownObject, with_length
from pipelines.access import get_pipeline, pipelines_of
from pipelines.execution.pipelines import abort_pipeline, restart_pipeline
from pipelines.execution.queued import abort_queued
from pipelines.models import ScratchpadEntry
from projects.api.viewsets import ProjectObjectViewSet

TEXT = "text/plain"  # exactly this, like the type of JSON (docs/api/v0.md, section 0)
MAX_KEY_LENGTH = 255
NEVER = "1970-01-01T00:00:00Z"


class ExecutionRepresentation(Representation):
    """What pipelines and tasks share."""

    id = serializers.CharField()
    org_id = serializers.CharField(source="project.organization_id")
    project_id = serializers.CharField()
    status = serializers.CharField()
    start_time = TimeField(required=False, help_text="Absent until it starts.")
    end_time = TimeField(required=False, help_text="Absent until it ends.")


class PipelineRepresentation(ExecutionRepresentation):
    """An execution of a pipeline resource. `pipeline_id` is the resource's id; absent once the resource is deleted."""

    name = serializers.CharField()
    creation_time = TimeField()
    pipeline_id = serializers.CharField(source="definition_id", required=False)
    trigger_id = serializers.CharField(required=False)
    command_id = serializers.CharField(required=False)
    event_id = serializers.CharField()
    event_time = TimeField()
    concurrent = serializers.BooleanField()


class QueuedPipelines(RequestBody):
    """Selects queued pipelines: those that match all given members. At least one member is required."""

    needs_a_member = True
    trigger_id = IdField(required=False, help_text="Pipelines of this trigger, even if it was deleted.")
    command_id = IdField(required=False, help_text="Pipelines of this command, even if it was deleted.")
    name = NameField(required=False, help_text="Pipelines with this name.")

    def check_together(self, given: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
        """Refuse an empty selection: it must not mean everything."""
        return [] if given else [f"one of the members {', '.join(self.fields)} is missing"]


class StoppedRepresentation(Representation):
    """What was prevented from running."""

    pipelines = serializers.IntegerField(help_text="Number of aborted pipelines.")
    events = serializers.IntegerField(
        help_text="Number of events that were waiting for the trigger and have been dropped."
    )


class ExecutionViewSet(ProjectObjectViewSet):
    """Shows executions."""

    def show(self, element: Any) -> dict[str, Any]:
        """Return the wire form.

        The published Python client raises an error for an execution without its times, so it gets the beginning of time
        (docs/api/v0.md, section 2.0). It is recognized by its User-Agent: it doesn't set one of its own.
        """
        shown = super().show(element)
        if self.request.META.get("HTTP_USER_AGENT", "").startswith("python-urllib3/"):
            shown = {"start_time": NEVER, "end_time": NEVER} | shown
        return shown


class PipelinesViewSet(ExecutionViewSet):
    """The pipelines of the project."""

    serializer_class = PipelineRepresentation
    sorts = {"event_time": by_moment("event_time")}
    operations = {
        "abort_queued": Operation(200, QueuedPipelines, StoppedRepresentation),
        "abort": Operation(204, errors={400: ("pipeline_finished",)}),
        "restart": Operation(204, errors={400: ("pipeline_not_finished",)}),
        "restart_from_failure": Operation(204, errors={400: ("pipeline_not_finished", "pipeline_not_failed")}),
    }

    def list(self, request: Request) -> Response:
        """Return a page of pipelines."""
        return self.page(pipelines_of(self.project).defer("spec"))

    def retrieve(self, request: Request, id: str) -> Response:
        """Return one pipeline."""
        return Response(self.show(get_pipeline(self.project, id)))

    def abort(self, request: Request, id: str) -> Response:
        """Abort a pipeline. Running tasks are stopped within seconds; finished ones stay as they are."""
        abort_pipeline(get_pipeline(self.project, id))
        return Response(status=204)

    def abort_queued(self, request: Request) -> Response:
        """Abort all pipelines of a trigger, a command or a name that haven't started. What runs continues.

        Given only a trigger, its waiting events are dropped, too. The trigger continues with the next events unless
        you disable it first.
        """
        return Response(StoppedRepresentation.show(abort_queued(self.project, **self.read_body(QueuedPipelines))))

    def restart(self, request: Request, id: str) -> Response:
        """Run a finished pipeline again completely, as it was deployed then. Its scratchpad is emptied."""
        restart_pipeline(get_pipeline(self.project, id))
        return Response(status=204)

    def restart_from_failure(self, request: Request, id: str) -> Response:
        """Run only the failed and aborted tasks of a finished pipeline again. The scratchpad is kept."""
        restart_pipeline(get_pipeline(self.project, id), from_failure=True)
        return Response(status=204)


class ScratchpadsViewSet(ProjectObjectViewSet):
    """The texts that the tasks of a pipeline share."""

    operations = {
        "retrieve": Operation(nouns=("pipeline",)),
        "clear": Operation(204, nouns=("pipeline",)),
        "retrieve_value": Operation(reply_types=(TEXT,), nouns=("pipeline", "scratchpad_entry")),
        "update": Operation(
            204, {"type": "string", "pattern": r"^[^\u0000]*$"}, body_type=TEXT, nouns=("pipeline", "scratchpad_entry")
        ),
        "destroy": Operation(204, nouns=("pipeline", "scratchpad_entry")),
    }

    def retrieve(self, request: Request, id: str) -> Response:
        """Return all entries, as an object of texts."""
        entries = get_pipeline(self.project, id).scratchpad
        return Response(dict(entries.order_by("key").values_list("key", "value")))

    def clear(self, request: Request, id: str) -> Response:
        """Delete all entries."""
        get_pipeline(self.project, id).scratchpad.all().delete()
        return Response(status=204)

    def retrieve_value(self, request: Request, id: str, key: str) -> HttpResponse:
        """Return the value of an entry, as text."""
        entry = get_or_unknown(get_pipeline(self.project, id).scratchpad.all(), "scratchpad_entry", key=_known(key))
        return with_length(HttpResponse(entry.value.encode(), TEXT))

    def update(self, request: Request, id: str, key: str) -> Response:
        """Set an entry to the body, which is UTF-8 text of up to 1 MiB, not JSON, whatever its Content-Type."""
        pipeline = get_pipeline(self.project, id)
        value = self._read_value()
        if len(key) > MAX_KEY_LENGTH or "\0" in key:
            raise InvalidRequestBody([Problem("", f"the key must be 1 to {MAX_KEY_LENGTH} characters without a NUL")])
        ScratchpadEntry.objects.bulk_create(
            [ScratchpadEntry(pipeline=pipeline, key=key, value=value)],
            update_conflicts=True,
            unique_fields=["pipeline", "key"],
            update_fields=["value"],
        )
        return Response(status=204)

    def destroy(self, request: Request, id: str, key: str) -> Response:
        """Delete an entry if it exists."""
        get_pipeline(self.project, id).scratchpad.filter(key=_known(key)).delete()
        return Response(status=204)

    def _read_value(self) -> str:
        """Return the body as text, even if its Content-Type is JSON: see docs/api/v0.md, section 0."""
        try:
            data = read_body(self.request.META, settings.EVENTLANE_MAX_REQUEST_BYTES)
            text = data.decode()
        except BodyTooLarge as error:
            raise RequestTooLarge(f"The {error}.") from None
        except (BadBody, UnicodeDecodeError) as error:
            raise InvalidRequestBody([Problem("", f"must be text in UTF-8: {error}")]) from None
        most = settings.EVENTLANE_MAX_SCRATCHPAD_VALUE_BYTES
        if len(data) > most or "\0" in text:
            raise InvalidRequestBody([Problem("", f"must be at most {most} bytes, without a NUL")])
        return text


def _known(key: str) -> str:
    """Return a key, unless PostgreSQL can't take it as a parameter."""
    if "\0" in key:
        raise UnknownObject("scratchpad_entry")
    return key
