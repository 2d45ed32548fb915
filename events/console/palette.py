"""What the palette finds of events: datasets and namespaces, and what asks for their events."""

from django.urls import reverse

from eventlane.palette import Kind, Row, add_kinds, page_of
from events.console.explore.question import explore_address
from events.models import Dataset, Namespace
from pipelines.console.palette import resource_kind
from pipelines.models import Resource


def _namespace_url(row: Row) -> str:
    # Not at the top: DuckDB and Arrow take 0.3 s and 60 MB that a process without queries does without.
    from events.console.explore.terms import group_term

    term = group_term("namespace", row["found_name"])
    if term is None:  # no search line can say it
        return reverse("admin:events_namespace_change", args=[row["pk"]])
    return explore_address(row["dataset_id"], q=term)


add_kinds(
    Kind("Dataset", "Datasets", "database", Dataset, lambda row: explore_address(row["pk"])),
    resource_kind(Resource.Type.DASHBOARD, "Dashboards", "space_dashboard", page_of("console-dashboard")),
    resource_kind(
        Resource.Type.QUERY,
        "Saved queries",
        "bookmark",
        page_of("console-explore-saved"),
        title="Saved query",
        also=("query", "queries", "saved"),
    ),
    resource_kind(Resource.Type.ALERT, "Alerts", "notifications", page_of("admin:events_alert_change")),
    resource_kind(Resource.Type.CHANNEL, "Channels", "campaign"),
    Kind(
        "Namespace",
        "Namespaces",
        "label",
        Namespace,
        _namespace_url,
        any_case=True,
        places=("dataset__project__name", "dataset__name"),
        needs=("dataset_id",),
    ),
)
