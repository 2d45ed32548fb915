"""Settings that can't be taken stop the start with a word about which and why; each has a type that mypy knows."""

import os
from typing import Any, get_type_hints

import pytest

from eventlane import environment
from eventlane.configuration import SETTINGS, InvalidSetting, Setting, read_settings


def type_read(setting: Setting) -> Any:
    """Return the type of what the setting's reader gives."""
    return setting.read if isinstance(setting.read, type) else get_type_hints(setting.read)["return"]


def test_every_row_of_the_table_is_a_typed_setting() -> None:
    assert get_type_hints(environment) == {setting.name: type_read(setting) for setting in SETTINGS}


def test_every_typed_setting_has_the_value_of_its_own_name() -> None:
    # A process of pytest-xdist reads its settings before it gets a home of its own.
    variables = os.environ | {
        "EVENTLANE_HOME": str(environment.EVENTLANE_HOME),
        "DATABASE_URL": environment.DATABASE_URL,
    }
    assert {name: getattr(environment, name) for name in get_type_hints(environment)} == read_settings(variables)


@pytest.mark.parametrize("name", ["", "a", "node-a", "Web_1.example.com", "7", "x" * 100])
def test_names_of_nodes(name: str) -> None:
    assert read_settings({"EVENTLANE_NODE": name})["EVENTLANE_NODE"] == name


@pytest.mark.parametrize(
    "name", ["a b", "a/b", "../a", ".a", "-a", "{DATA_PATH}", "a'b", 'a"b', "é", "a\n", "a\0", "x" * 101, " "]
)
def test_names_that_no_node_can_have(name: str) -> None:
    with pytest.raises(InvalidSetting, match=r"EVENTLANE_NODE=.*: must be 1 to 100"):
        read_settings({"EVENTLANE_NODE": name})
