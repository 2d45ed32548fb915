"""The console's pages for commands: a form for the parameters, and the latest executions."""

import json
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from eventlane.console import OwnRelatedFilter, count_of, moment
from eventlane.login import account_of
from eventlane.wire.errors import ApiError, InvalidRequestBody, Problem
from pipelines.admin.automation import Page, SwitchAdmin
from pipelines.admin.resources import state_of_resource
from pipelines.command_executions import execute_command
from pipelines.console.command_form import POINTER, CommandForm
from pipelines.console.queue import queue_context
from pipelines.console.states import state_label
from pipelines.console.uses import related
from pipelines.models import Command, CommandExecution, Pipeline, Resource
from pipelines.resources.files import spec_text

SHOWN_EXECUTIONS = 10
VALUE_CHARACTERS = 200


@admin.register(Command)
class CommandAdmin(SwitchAdmin):
    """Commands. Every account may execute them."""

    list_display = ("name", "state", "purpose", "takes", "starts", "changed", "project")
    search_fields = ("name",)
    list_filter = (("project", OwnRelatedFilter),)
    ordering = ("project__name", "name")
    page_template = "pipelines/command.html"
    empty_advice = (
        "Commands are deployed from YAML files: manage.py deploy FOLDER --project NAME. README.md has an example."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Command]:
        """Return commands only."""
        return super().get_queryset(request).filter(type=Resource.Type.COMMAND).select_related("project")

    def below(self) -> dict[str, Page]:
        """Add the address that the form is sent to."""
        return super().below() | {"execute": self.execute}

    def page_context(self, request: HttpRequest, row: Command) -> dict[str, Any]:
        """Return the page of one command, with an empty form."""
        return {
            "resource": row,
            "title": row.name,
            "form": CommandForm(row.data["parameters"]),
            "spec": spec_text(row.spec),
            "related": related(row),
            **queue_context(row),
            "executions": last_executions(row),
            "may_switch": self.has_switch_permission(request),
        }

    def execute(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Execute the command and go to what it started; show the form again if there are invalid values."""
        command = self.find(request, object_id)
        if request.method != "POST":
            return HttpResponseRedirect(self.url_of(command))
        form = CommandForm(command.data["parameters"], request.POST)
        if form.is_valid():
            try:
                return self._go_to(
                    request, execute_command(command, form.values(), account_of(request), pointer=POINTER)
                )
            except InvalidRequestBody as error:
                form.tell([Problem(**problem) for problem in error.data["jsv_errors"]])
            except ApiError as error:
                form.add_error(None, error.message)
        return self.show(request, command, form=form)

    def _go_to(self, request: HttpRequest, execution: CommandExecution) -> HttpResponse:
        """Go to the pipeline, or to the event if there are several or none."""
        started = execution.pipeline_ids
        if len(started) == 1:
            return HttpResponseRedirect(reverse("admin:pipelines_pipeline_change", args=started))
        if started:
            messages.success(request, f"{count_of(len(started), 'pipeline')} started.")
        else:
            messages.warning(request, "Nothing was started: the command's pipelines are disabled.")
        return HttpResponseRedirect(reverse("admin:pipelines_platformevent_change", args=[execution.event_id]))

    @display(description="Status", ordering="disabled")
    def state(self, command: Command) -> SafeString:
        """Show whether the command is enabled."""
        return state_of_resource(command)

    @display(description="Description")
    def purpose(self, command: Command) -> str:
        """Show the description."""
        return command.spec.get("description") or "–"

    @display(description="Parameters")
    def takes(self, command: Command) -> SafeString | str:
        """Show the names of its parameters."""
        names = ((parameter["name"],) for parameter in command.data["parameters"])
        return format_html_join(", ", "{}", names) or "none"

    @display(description="Starts")
    def starts(self, command: Command) -> SafeString:
        """Show the names of its pipelines."""
        return format_html("{}", format_html_join(", ", "{}", ((name,) for name in command.data["pipelines"])))

    @display(description="Deployed", ordering="update_time")
    def changed(self, command: Command) -> SafeString | str:
        """Show when its spec changed."""
        return moment(command.update_time)


def last_executions(command: Command) -> list[tuple[CommandExecution, str, list[tuple[Pipeline, SafeString]]]]:
    """Return a command's latest executions, with their values and the pipelines that still exist."""
    own = CommandExecution.objects.filter(project=command.project_id, command_id=command.pk)
    executions = sorted(own.order_by("-id")[:SHOWN_EXECUTIONS], key=lambda one: one.execution_time, reverse=True)
    ids = [pipeline_id for execution in executions for pipeline_id in execution.pipeline_ids]
    pipelines = Pipeline.objects.only("name", "status").in_bulk(ids)
    return [
        (
            one,
            _values(one),
            [(pipelines[id], state_label(pipelines[id].status)) for id in one.pipeline_ids if id in pipelines],
        )
        for one in executions
    ]


def _values(execution: CommandExecution) -> str:
    """Return the values of an execution in one line."""
    text = ", ".join(f"{name}={_shown(value)}" for name, value in sorted(execution.parameters.items()))
    return text if len(text) <= VALUE_CHARACTERS else f"{text[:VALUE_CHARACTERS]}…"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
