from collections.abc import Iterator

import pytest

from tests.events.query.table import Table


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    table = Table()
    yield table
    table.close()
