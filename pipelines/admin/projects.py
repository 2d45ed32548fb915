"""What the console's pages for projects add for tasks."""

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from eventlane.forms import ModelForm
from pipelines.runtimes.allowed import WHY_REFUSED, may_be_allowed, setting_of, switch_of, why_refused
from projects.admin import ProjectAdmin
from projects.admin.projects import ProjectForm
from projects.models import Project

admin.site.unregister(Project)


class ProjectWithTasksForm(ProjectForm):
    """A project, with how its tasks run."""

    def clean_code_header(self) -> str:
        """Return it with the line ends that programs expect; browsers send others."""
        header = self.cleaned_data["code_header"].replace("\r\n", "\n")
        return f"{header}\n" if header else ""

    def clean_local_runtime(self) -> bool:
        """Refuse to enable it if the operator of the server doesn't allow it."""
        return self._switch("local")

    def clean_container_runtime(self) -> bool:
        """Refuse to enable it if the operator of the server doesn't allow it."""
        return self._switch("container")

    def _switch(self, runtime: str) -> bool:
        wanted: bool = self.cleaned_data[switch_of(runtime)]
        if wanted and not getattr(self.instance, switch_of(runtime)) and not may_be_allowed(runtime):
            raise ValidationError(f"This server doesn't allow it; its operator can, with {setting_of(runtime)}.")
        return wanted


@admin.register(Project)
class ProjectWithTasksAdmin(ProjectAdmin):
    """Projects, with how their tasks run. The app below can't know about that."""

    form = ProjectWithTasksForm
    task_fields = (
        "code_header",
        "local_runtime",
        "container_runtime",
        "max_running_tasks",
        "pipeline_retention_days",
    )
    fieldsets = (*ProjectAdmin.fieldsets, ("Tasks", {"fields": task_fields}))

    def save_model(self, request: HttpRequest, obj: Project, form: ModelForm, change: bool) -> None:
        """Save it, and warn if an enabled runtime wouldn't work here."""
        super().save_model(request, obj, form, change)
        for runtime in WHY_REFUSED:
            allowed = switch_of(runtime) in form.changed_data and getattr(obj, switch_of(runtime))
            if allowed and (reason := why_refused(runtime)):
                messages.warning(request, f"Workers on a machine like this one refuse {runtime} tasks: {reason}.")
