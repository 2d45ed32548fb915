"""Whether a project's tasks may run. Both the server's settings and an administrator of the project must allow it."""

from django.conf import settings

from pipelines.runtimes import container, local
from pipelines.runtimes.outcome import TaskFailed
from projects.models import Organization, Project

WHY_REFUSED = {"local": local.why_refused, "container": container.why_refused}


def refuse_unless_allowed(project: Project, runtime: str) -> None:
    """Raise TaskFailed unless both the server and an administrator let this project's tasks use a runtime."""
    if not may_be_allowed(runtime):
        raise TaskFailed(f"the runtime {runtime} is disabled on this server ({setting_of(runtime)})")
    if not getattr(project, switch_of(runtime)):
        raise TaskFailed(
            f"the runtime {runtime} is not enabled for this project; an administrator can enable it in the console, "
            f"on the project's page, or the operator with manage.py allow_tasks --runtime {runtime}"
        )


def may_be_allowed(runtime: str) -> bool:
    """Return whether administrators may enable a runtime for their projects.

    While there is one organization, its administrators run the server anyway. Members of a second one may be strangers:
    only the operator can let them run programs on the server's machines.
    """
    wanted = getattr(settings, setting_of(runtime))
    if wanted == "auto":
        return len(Organization.objects.values_list("pk")[:2]) == 1
    return bool(wanted == "true")


def why_refused(runtime: str) -> str:
    """Return why a worker on this machine would refuse a runtime's tasks; empty if it wouldn't."""
    return WHY_REFUSED[runtime]()


def setting_of(runtime: str) -> str:
    """Return the name of the server's setting for a runtime."""
    return f"EVENTLANE_{runtime.upper()}_RUNTIME"


def switch_of(runtime: str) -> str:
    """Return the name of the project's field for a runtime."""
    return f"{runtime}_runtime"
