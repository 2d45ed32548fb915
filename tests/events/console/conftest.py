from tests.events.lake.conftest import node, other_node, project  # noqa: F401  (fixtures)
