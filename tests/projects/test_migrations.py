"""What upgrades do to what is there."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from pipelines.models import Resource
from projects.api_keys import issue_api_key
from projects.models import ApiKey, Project
from tests.factories import make_house


def upgrade_from(migration: str) -> None:
    """Take the database back to a migration, and from there to the newest."""
    executor = MigrationExecutor(connection)
    newest = [node for node in executor.loader.graph.leaf_nodes() if node[0] == "projects"]
    try:
        executor.migrate([("projects", migration)])
    finally:
        MigrationExecutor(connection).migrate(newest)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_what_was_allowed_is_allowed_from_then_on():
    """Keys that could write may deploy, and projects that deployed containers may run them."""
    acme, umbrella = make_house("acme", "alice"), make_house("umbrella", "charlie")
    for right in ("read", "write"):
        issue_api_key(account=acme.admin, name=right, rights=[right])
    for house, runtime in ((acme, "container"), (umbrella, "local")):
        spec = {"type": "task", "name": "t", "data": {"runtime": {"name": runtime}}}
        Resource.objects.create(project=house.project, type="task", name="t", spec=spec)
    upgrade_from("0008_logins")

    rights = {api_key.name: api_key.rights for api_key in ApiKey.objects.filter(account=acme.admin)}
    assert rights == {"acme sender": ["ingest"], "read": ["read"], "write": ["write", "deploy"]}
    assert list(Project.objects.filter(container_runtime=True)) == [acme.project]
