"""What a key can reach. All lookups start here, so that objects of others are unknown rather than forbidden."""

from django.db.models import QuerySet

from eventlane.lookup import get_or_unknown
from eventlane.names import is_name
from eventlane.wire.errors import UnknownObject
from projects.models import Account, ApiKey, Project


def accounts_of(api_key: ApiKey) -> QuerySet[Account]:
    """Return the accounts of the key's organization; a key tied to a project sees only its own account."""
    accounts = Account.objects.filter(organization_id=api_key.organization_id)
    return accounts.filter(pk=api_key.account_id) if api_key.project_id else accounts


def projects_of(api_key: ApiKey) -> QuerySet[Project]:
    """Return the projects of the key's organization, or the only one the key is tied to."""
    projects = Project.objects.filter(organization_id=api_key.organization_id)
    return projects.filter(pk=api_key.project_id) if api_key.project_id else projects


def api_keys_of(api_key: ApiKey) -> QuerySet[ApiKey]:
    """Return the keys of the organization; a key tied to a project sees those tied to the same one."""
    api_keys = ApiKey.objects.filter(organization_id=api_key.organization_id)
    return api_keys.filter(project_id=api_key.project_id) if api_key.project_id else api_keys


def get_account(api_key: ApiKey, account_id: str) -> Account:
    """Return an account that the key reaches, or raise UnknownObject."""
    return get_or_unknown(accounts_of(api_key), "account", pk=account_id)


def get_project(api_key: ApiKey, project_id: str) -> Project:
    """Return a project that the key reaches, or raise UnknownObject."""
    return get_or_unknown(projects_of(api_key), "project", pk=project_id)


def get_project_by_name(api_key: ApiKey, name: str) -> Project:
    """Return the project of this name that the key reaches, or raise UnknownObject."""
    if not is_name(name):  # PostgreSQL can't take every text as a parameter
        raise UnknownObject("project")
    return get_or_unknown(projects_of(api_key), "project", name=name)


def get_api_key(api_key: ApiKey, key_id: str) -> ApiKey:
    """Return a key that the key reaches, or raise UnknownObject."""
    return get_or_unknown(api_keys_of(api_key), "api_key", pk=key_id)
