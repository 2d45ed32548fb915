"""The people and things that console tests play with: two organizations that must never see each other."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext

from events.models import Dataset, Namespace
from projects.api_keys import issue_api_key
from projects.models import Account, ApiKey, Organization, Project

PASSWORD = "correct horse battery staple"


@dataclass
class House:
    """One organization with one row of everything, each named after it."""

    organization: Organization
    admin: Account
    project: Project
    dataset: Dataset
    namespace: Namespace
    api_key: ApiKey

    def rows(self) -> dict[type[Model], Model]:
        """Return the row of every model that the console shows."""
        rows = (self.organization, self.admin, self.project, self.dataset, self.namespace, self.api_key)
        return {type(row): row for row in rows}


def make_house(name: str, person: str) -> House:
    """Make an organization with an admin and one row of everything."""
    organization = Organization.objects.create(name=f"{name} works")
    admin = make_account(organization, person, role=Account.Role.ADMIN)
    project = Project.objects.create(organization=organization, name=f"{name}-project")
    dataset = Dataset.objects.create(project=project, name=f"{name}-logs")
    namespace = Namespace.objects.create(dataset=dataset, name=f"{name}-web")
    api_key, _ = issue_api_key(account=admin, name=f"{name} sender", rights=["ingest"], project=project)
    LogEntry.objects.log_actions(admin.pk, [project], ADDITION, change_message="Made.", single_object=True)
    return House(organization, admin, project, dataset, namespace, api_key)


def make_account(organization: Organization, name: str, /, **fields: Any) -> Account:
    """Make an account that logs in with PASSWORD."""
    return Account.objects.create(
        email=f"{name}@example.com", organization=organization, password=_password_hash(), **fields
    )


@cache
def _password_hash() -> str:
    """Hash once for all tests: a good hash takes a quarter of a second, and there are hundreds of accounts."""
    return make_password(PASSWORD)


def logged_in(account: Account) -> Client:
    """Return a test client with the account's session."""
    client = Client()
    client.force_login(account)
    return client


def count_queries(client: Client, path: str) -> int:
    """Return how many questions a page asks the database once caches are warm."""
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)
