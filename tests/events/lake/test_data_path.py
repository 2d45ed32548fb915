"""The lake's files may be moved with EVENTLANE_HOME; a node that looks in the wrong place says so."""

import json
import shutil
from typing import Any

import pytest

from events.lake.data_path import LakeElsewhere
from events.lake.sealer import SealingFailed
from tests.events.lake.conftest import Node

MANY = [json.dumps({"n": number}) for number in range(150)]  # enough for a file


def test_moved_lake_is_read_and_written_at_its_new_place(node: Node, settings: Any) -> None:
    node.write(*MANY)
    node.seal()
    moved = node.lake_path.with_name("moved")
    shutil.move(node.lake_path, moved)
    settings.EVENTLANE_LAKE_PATH = str(moved)
    assert node.events() == MANY
    node.write(*MANY)
    assert node.seal().events == 150
    assert node.events() == MANY + MANY
    assert not node.lake_path.exists()


def test_node_that_does_not_see_the_files_says_so_and_writes_nothing(node: Node, settings: Any) -> None:
    node.write(*MANY)
    node.seal()
    settings.EVENTLANE_LAKE_PATH = str(node.lake_path.with_name("empty"))
    with pytest.raises(LakeElsewhere, match=str(node.lake_path)):
        node.events()
    node.close()  # what is attached goes on where it was
    node.write('{"n": "later"}')
    with pytest.raises(SealingFailed, match="set EVENTLANE_LAKE_PATH"):
        node.seal()
    settings.EVENTLANE_LAKE_PATH = str(node.lake_path)
    assert node.events() == [*MANY, '{"n": "later"}']
    assert node.seal().events == 1
    assert node.events() == [*MANY, '{"n": "later"}']
