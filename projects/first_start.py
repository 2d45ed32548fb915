"""What an empty database gets, so that the first event can be sent within a minute of the download."""

import secrets
from dataclasses import dataclass

from django.contrib.auth.password_validation import validate_password
from django.db import connection, transaction

from projects.api_keys import issue_api_key
from projects.models import Account, Organization, Project
from projects.models.api_key import RIGHTS

ORGANIZATION = "Main"
PROJECT = "main"
PASSWORD_BYTES = 12  # 16 characters, 96 bits


@dataclass(frozen=True)
class FirstStart:
    """What was created, with the secrets that can't be retrieved again."""

    account: Account
    password: str
    project: Project
    keys: dict[str, str]  # secret of the key for each right


def is_empty_database() -> bool:
    """Return whether the database is still empty; even its tables may be missing."""
    return (
        Organization._meta.db_table not in connection.introspection.table_names() or not Organization.objects.exists()
    )


@transaction.atomic
def create_first_organization(*, email: str, password: str) -> FirstStart | None:
    """Create organization, administrator, project and a key for each right. Returns None if there is an organization.

    Generates a password if it is empty. Raises ValidationError for a weak one.
    """
    if Organization.objects.exists():
        return None
    password = password or secrets.token_urlsafe(PASSWORD_BYTES)
    validate_password(password)
    organization = Organization.objects.create(name=ORGANIZATION)
    account = Account.objects.create_account(email, password, organization, role=Account.Role.ADMIN)
    project = Project.objects.create(organization=organization, name=PROJECT)
    keys = {right: issue_api_key(account=account, name=right, rights=[right], project=project)[1] for right in RIGHTS}
    return FirstStart(account, password, project, keys)
