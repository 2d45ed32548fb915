"""What the palette finds of who may do what. Keys are found by name: not even the visible part of one is looked at."""

from eventlane.palette import Kind, add_kinds, page_of
from projects.models import Account, ApiKey, Project

add_kinds(
    Kind("Project", "Projects", "folder", Project, page_of("admin:projects_project_change"), places=()),
    Kind("API key", "API keys", "key", ApiKey, page_of("admin:projects_apikey_change"), any_case=True, also=("keys",)),
    Kind(
        "Account",
        "Accounts",
        "person",
        Account,
        page_of("admin:projects_account_change"),
        name="email",
        any_case=True,
        places=("name",),
    ),
)
