from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from projects.api_keys import digest_of
from projects.models import Account, ApiKey, Organization, Project

pytestmark = pytest.mark.django_db


@pytest.fixture
def main() -> Organization:
    """An organization with a user, two administrators and two projects."""
    organization = Organization.objects.create(name="Main")
    now = timezone.now()
    for age, email, role in [(3, "user", "user"), (1, "second", "admin"), (2, "first", "admin")]:
        Account.objects.create_account(
            f"{email}@example.com", None, organization, role=role, creation_time=now - timedelta(days=age)
        )
    for name in ("main", "other"):
        Project.objects.create(organization=organization, name=name)
    return organization


def create(*words: str) -> tuple[ApiKey, str]:
    """Run the command; return the key it made and what it said besides."""
    out, err = StringIO(), StringIO()
    call_command("create_api_key", *words, stdout=out, stderr=err)
    secret = out.getvalue().removesuffix("\n")
    assert secret.startswith("evl_") and secret.isascii() and " " not in secret and "\n" not in secret
    assert secret not in err.getvalue()
    return ApiKey.objects.get(digest=digest_of(secret)), err.getvalue()


def test_secret_stands_alone_on_stdout_and_is_the_keys(main: Organization) -> None:
    key, said = create("shippers", "--rights", "ingest", "--project", "main")
    assert (key.name, key.rights, key.project.name, key.expiration_time) == ("shippers", ["ingest"], "main", None)
    assert "'shippers' of first@example.com: ingest on project main" in said


def test_key_acts_for_the_first_administrator_unless_told_otherwise(main: Organization) -> None:
    assert create("a", "--rights", "read")[0].account.email == "first@example.com"
    assert create("b", "--rights", "read", "--account", "USER@example.com")[0].account.email == "user@example.com"
    Account.objects.filter(email="first@example.com").update(disabled=True)
    assert create("c", "--rights", "read")[0].account.email == "second@example.com"


def test_key_without_project_reaches_the_whole_organization(main: Organization) -> None:
    key, said = create("all", "--rights", "read, write")
    assert (key.project, key.organization, key.rights) == (None, main, ["read", "write"])
    assert "every project of Main" in said


def test_expiry_counts_from_now(main: Organization) -> None:
    key, said = create("short", "--rights", "read", "--expires", "90d")
    assert abs(key.expiration_time - timezone.now() - timedelta(days=90)) < timedelta(minutes=1)
    assert f"until {key.expiration_time:%Y-%m-%d}" in said


def test_project_is_looked_up_in_the_accounts_organization(main: Organization) -> None:
    theirs = Organization.objects.create(name="Theirs")
    Account.objects.create_account("they@example.com", None, theirs, role="admin")
    Project.objects.create(organization=theirs, name="secret")
    mine = Project.objects.create(organization=theirs, name="main")
    key, _ = create("k", "--rights", "ingest", "--project", "main", "--account", "they@example.com")
    assert key.project == mine
    with pytest.raises(CommandError, match="Main has no project 'secret'; it has main, other"):
        create("k", "--rights", "ingest", "--project", "secret")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["k", "--rights", "ingest"], "the ingest right needs a project: --project with main, other"),
        (["k", "--rights", "read,ingest"], "the ingest right needs a project"),
        (["k", "--rights", "read,fly"], "'fly' is not a right; choose from ingest, read, write"),
        (["k", "--rights", ""], "'' is not a right"),
        (["k"], "required: --rights"),
        (["k", "--rights", "read", "--account", "who@example.com"], "no account 'who@example.com'; there is first@"),
        (["k", "--rights", "read", "--expires", "soon"], "'soon' is not a duration"),
        (["k", "--rights", "read", "--expires", "0d"], "must be valid for longer"),
        (["k", "--rights", "read", "--expires", "9999999d"], "date value out of range"),
        ([" ", "--rights", "read"], "name has 1 to 100 characters"),
        (["k" * 101, "--rights", "read"], "name has 1 to 100 characters"),
    ],
)
def test_what_cannot_be_made_is_explained_and_makes_nothing(main: Organization, words: list[str], reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        create(*words)
    assert not ApiKey.objects.exists()


def test_disabled_account_gets_no_key(main: Organization) -> None:
    Account.objects.filter(email="user@example.com").update(disabled=True)
    with pytest.raises(CommandError, match="is disabled: its keys don't work"):
        create("k", "--rights", "read", "--account", "user@example.com")


def test_empty_database_says_how_to_begin() -> None:
    with pytest.raises(CommandError, match=r"no administrator yet; `manage\.py up`"):
        create("k", "--rights", "read")
