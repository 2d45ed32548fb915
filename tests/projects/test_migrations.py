"""What upgrades do to what is there."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from projects.api_keys import issue_api_key
from projects.models import ApiKey
from tests.cast import make_house


@pytest.mark.django_db(transaction=True)
def test_keys_that_could_write_may_deploy_from_then_on():
    house = make_house("acme", "alice")
    for right in ("read", "write"):
        issue_api_key(account=house.admin, name=right, rights=[right])
    executor = MigrationExecutor(connection)
    newest = [node for node in executor.loader.graph.leaf_nodes() if node[0] == "projects"]
    try:
        executor.migrate([("projects", "0008_logins")])
    finally:
        MigrationExecutor(connection).migrate(newest)

    rights = {api_key.name: api_key.rights for api_key in ApiKey.objects.all()}
    assert rights == {"acme sender": ["ingest"], "read": ["read"], "write": ["write", "deploy"]}
