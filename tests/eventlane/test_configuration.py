"""Settings that can't be taken stop the start with a word about which and why."""

import pytest

from eventlane.configuration import InvalidSetting, read_settings


@pytest.mark.parametrize("name", ["", "a", "node-a", "Web_1.example.com", "7", "x" * 100])
def test_names_of_nodes(name: str) -> None:
    assert read_settings({"EVENTLANE_NODE": name})["EVENTLANE_NODE"] == name


@pytest.mark.parametrize(
    "name", ["a b", "a/b", "../a", ".a", "-a", "{DATA_PATH}", "a'b", 'a"b', "é", "a\n", "a\0", "x" * 101, " "]
)
def test_names_that_no_node_can_have(name: str) -> None:
    with pytest.raises(InvalidSetting, match=r"EVENTLANE_NODE=.*: must be 1 to 100"):
        read_settings({"EVENTLANE_NODE": name})
