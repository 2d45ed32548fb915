"""The look of the console: Unfold's settings."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy

# Tailwind's teal, one step darker from 600 on: white text on a button then has a contrast of 5.5 to 1.
TEAL = {
    "50": "#f0fdfa",
    "100": "#ccfbf1",
    "200": "#99f6e4",
    "300": "#5eead4",
    "400": "#2dd4bf",
    "500": "#14b8a6",
    "600": "#0f766e",
    "700": "#115e59",
    "800": "#134e4a",
    "900": "#0f3d3a",
    "950": "#042f2e",
}


def _file(name: str) -> object:
    """Return a callable that returns a static file's address, which isn't available while settings load."""

    def address(request: HttpRequest) -> str:
        return static(f"eventlane/{name}")

    return address


def _page(title: str, icon: str, name: str) -> dict[str, object]:
    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{name}")}


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Eventlane",
    "SITE_HEADER": "Eventlane",
    "SITE_URL": None,
    "SITE_ICON": _file("mark.svg"),
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "sizes": "any", "href": _file("mark.svg")}],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "8px",
    "COLORS": {"primary": TEAL},
    "STYLES": [_file("console.css")],
    "SCRIPTS": [_file("console.js"), _file("palette.js"), _file("alpine.js")],
    "LOGIN": {"image": _file("login.svg"), "form": "eventlane.login.LoginForm"},
    "DASHBOARD_CALLBACK": "events.console.home.page.home",
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {
                "items": [
                    {"title": "Explore", "icon": "search", "link": reverse_lazy("console-explore")},
                    _page("Home", "home", "index"),
                    {"title": "Dashboards", "icon": "space_dashboard", "link": reverse_lazy("console-dashboards")},
                    _page("Alerts", "notifications", "events_alert_changelist"),
                ]
            },
            {
                "title": "Events",
                "separator": True,
                "items": [
                    _page("Datasets", "database", "events_dataset_changelist"),
                    _page("Namespaces", "label", "events_namespace_changelist"),
                    _page("Quarantine", "gpp_maybe", "events_quarantinedrequest_changelist"),
                    {"title": "Ledger", "icon": "balance", "link": reverse_lazy("console-ledger")},
                    {"title": "API reference", "icon": "menu_book", "link": reverse_lazy("console-reference")},
                ],
            },
            {
                "title": "Automation",
                "separator": True,
                "items": [
                    _page("Pipelines", "account_tree", "pipelines_pipeline_changelist"),
                    _page("Commands", "terminal", "pipelines_command_changelist"),
                    _page("Triggers", "bolt", "pipelines_trigger_changelist"),
                    _page("Platform events", "inbox", "pipelines_platformevent_changelist"),
                    _page("Resources", "inventory_2", "pipelines_resource_changelist"),
                    _page("Hooks", "webhook", "pipelines_hook_changelist"),
                    _page("Identities", "passkey", "pipelines_identity_changelist"),
                ],
            },
            {
                "title": "Access",
                "separator": True,
                "items": [
                    _page("API keys", "key", "projects_apikey_changelist"),
                    _page("Projects", "folder", "projects_project_changelist"),
                    _page("Accounts", "group", "projects_account_changelist"),
                    _page("Organization", "domain", "projects_organization_changelist"),
                    {"title": "System", "icon": "dns", "link": reverse_lazy("console-system")},
                ],
            },
        ],
    },
}


def menu_pages() -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the pages of the menu (`title`, `icon`, `link`), each after the title of its group."""
    for group in UNFOLD["SIDEBAR"]["navigation"]:
        for page in group["items"]:
            yield group.get("title", ""), page
