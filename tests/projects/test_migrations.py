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


@pytest.mark.django_db(transaction=True)
def test_keys_that_could_write_may_deploy_from_then_on():
    house = make_house("acme", "alice")
    for right in ("read", "write"):
        issue_api_key(account=house.admin, name=right, rights=[right])
    upgrade_from("0008_logins")

    rights = {api_key.name: api_key.rights for api_key in ApiKey.objects.all()}
    assert rights == {"acme sender": ["ingest"], "read": ["read"], "write": ["write", "deploy"]}


@pytest.mark.django_db(transaction=True)
def test_projects_that_deployed_containers_may_run_them_from_then_on():
    acme, umbrella = make_house("acme", "alice").project, make_house("umbrella", "charlie").project
    for project, runtime in ((acme, "container"), (umbrella, "local")):
        spec = {"type": "task", "name": "t", "data": {"runtime": {"name": runtime}}}
        Resource.objects.create(project=project, type="task", name="t", spec=spec)

    upgrade_from("0010_executor_name")

    assert list(Project.objects.filter(container_runtime=True)) == [acme]
