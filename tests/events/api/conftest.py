"""A client of the platform API on a node with a journal and a lake."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from eventlane import web
from eventlane.scratch import free_port
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


@pytest.fixture
def port(settings: Any) -> Iterator[int]:
    """Run the web server in a thread."""
    settings.EVENTLANE_BIND = f"127.0.0.1:{free_port()}"
    loop, server = asyncio.new_event_loop(), web.make_server()
    serving = threading.Thread(target=lambda: loop.run_until_complete(server.serve()))
    serving.start()
    yield int(settings.EVENTLANE_BIND.rpartition(":")[2])
    loop.call_soon_threadsafe(server.stop)
    serving.join()
    loop.close()
