from tests.events.lake.conftest import Node, node, other_node, project  # noqa: F401  (fixtures)
