"""An admin's client of the console on a node with a journal and a lake."""

from collections.abc import Iterator

import pytest
from django.test import Client

from events.lake.slots import slots
from projects.models import Account
from tests.console import logged_in
from tests.events.lake.conftest import Node, node, other_node, project  # noqa: F401  (fixtures)
from tests.factories import make_account


@pytest.fixture
def alice(node: Node) -> Iterator[Client]:  # noqa: F811
    organization = node.dataset.project.organization
    yield logged_in(make_account(organization, "alice", role=Account.Role.ADMIN))
    slots.close()  # its DuckDB is attached to this test's lake
