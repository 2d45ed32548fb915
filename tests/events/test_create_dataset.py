from io import StringIO

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from events.models import Dataset
from projects.models import Organization, Project

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return Project.objects.create(organization=Organization.objects.create(name="Main"), name="main")


def create(*words: str) -> Dataset:
    out = StringIO()
    call_command("create_dataset", *words, stdout=out)
    assert f"/v1/{words[0]}/<namespace>" in out.getvalue()
    return Dataset.objects.get(name=words[0])


def test_dataset_starts_with_the_defaults(project: Project) -> None:
    dataset = create("logs", "--project", "main")
    assert (dataset.project, dataset.default_namespace) == (project, "")
    assert dataset.retention_days == settings.EVENTLANE_RETENTION_DAYS


def test_retention_and_default_namespace_are_kept(project: Project) -> None:
    dataset = create("logs", "--retention-days", "7", "--default-namespace", "app")
    assert (dataset.retention_days, dataset.default_namespace) == (7, "app")
    assert create("audit", "--retention-days", "forever").retention_days is None
    assert not create("plain").unwrap_message and create("docker", "--unwrap-message").unwrap_message


def test_project_must_be_named_when_there_are_several(project: Project) -> None:
    Project.objects.create(organization=project.organization, name="shop")
    with pytest.raises(CommandError, match=r"Use --project; there is main \(of Main\), shop \(of Main\)"):
        create("logs")
    assert create("logs", "--project", "shop").project.name == "shop"


def test_organization_must_be_named_when_two_have_such_a_project(project: Project) -> None:
    theirs = Project.objects.create(organization=Organization.objects.create(name="Theirs"), name="main")
    with pytest.raises(CommandError, match=r"Use --organization; there is main \(of Main\), main \(of Theirs\)"):
        create("logs", "--project", "main")
    assert create("logs", "--project", "main", "--organization", "Theirs").project == theirs


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["Logs"], "lower case letters"),
        (["-logs"], "unrecognized|required"),
        (["l" * 101], "Use 1 to 100"),
        (["logs", "--project", "nope"], r"no such project; there is main \(of Main\)"),
        (["logs", "--organization", "nope"], "no such project"),
        (["logs", "--retention-days", "0"], "is neither a number of days"),
        (["logs", "--retention-days", "-1"], "is neither a number of days"),
        (["logs", "--retention-days", "1.5"], "is neither a number of days"),
        (["logs", "--retention-days", "99999999999"], "is neither a number of days"),
        (["logs", "--default-namespace", "a\nb"], "no control characters"),
        (["logs", "--default-namespace", "n" * 201], "1 to 200 characters"),
    ],
)
def test_what_cannot_be_made_is_explained_and_makes_nothing(project: Project, words: list[str], reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        create(*words)
    assert not Dataset.objects.exists()


def test_name_is_taken_once_in_a_project(project: Project) -> None:
    create("logs")
    with pytest.raises(CommandError, match="project main already has a dataset logs"):
        create("logs")


def test_empty_database_says_how_to_begin() -> None:
    with pytest.raises(CommandError, match=r"no project yet; `manage\.py up`"):
        create("logs")
