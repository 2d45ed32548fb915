"""A client of the platform API on a node with a journal and a lake."""

from collections.abc import Iterator

import pytest

from events.lake.slots import slots
from projects.models import Account
from tests.events.lake.conftest import Node, node, other_node, project  # noqa: F401  (fixtures)
from tests.factories import House, make_account, make_house
from tests.platform_api import ApiClient, client_of


@pytest.fixture
def client(node: Node) -> Iterator[ApiClient]:  # noqa: F811
    """Return a client that works on the node's project."""
    of_project = node.dataset.project
    alice = make_account(of_project.organization, "alice", role=Account.Role.ADMIN)
    yield client_of(alice, project=of_project)
    slots.close()  # its DuckDB is attached to this test's lake


@pytest.fixture
def house(db: None) -> House:
    return make_house("acme", "alice")


@pytest.fixture
def alice(house: House) -> ApiClient:
    """Return a client of the house's admin, on its project."""
    return client_of(house.admin, project=house.project)
