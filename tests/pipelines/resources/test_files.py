"""Specs as files: what a folder holds, and that what is written is read again."""

import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given

from pipelines.resources.files import Document, UnreadableFolder, read_folder, write_folder, yaml_files
from pipelines.resources.shapes import equal
from pipelines.resources.specs import check_specs
from pipelines.resources.yaml_text import InvalidYaml, places_of, read_yaml, write_yaml
from tests.pipelines.resources.samples import TEXTS, VALUES, pipeline, task, trigger


def fill(folder: Path, **files: str) -> Path:
    """Write files; in a name, _ is a dot and __ a slash."""
    for name, text in files.items():
        file = folder / name.replace("__", "/").replace("_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def specs_of(folder: Path) -> list[Any]:
    return [document.spec for document in read_folder(folder)]


def test_every_document_of_every_file_in_the_order_of_names(tmp_path):
    fill(tmp_path, b_yaml="2\n---\n3\n", a_yml="1", c__d_yaml="4\n---\n", c_txt="no", d_YAML="no", e__f__g_yml="6")

    assert read_folder(tmp_path) == [
        Document(1, Path("a.yml"), 1),
        Document(2, Path("b.yaml"), 1),
        Document(3, Path("b.yaml"), 2),
        Document(4, Path("c/d.yaml"), 1),
        Document(None, Path("c/d.yaml"), 2),
        Document(6, Path("e/f/g.yml"), 1),
    ]


def test_hidden_files_and_folders_are_left_out(tmp_path):
    fill(tmp_path, _a_yaml="1", _git__b_yaml="2", c_yaml="3")

    assert specs_of(tmp_path) == [3]


def test_hidden_folder_is_read_when_it_is_the_one(tmp_path):
    assert specs_of(fill(tmp_path / ".deploy", a_yaml="1")) == [1]


def test_link_to_a_folder_is_not_followed_but_one_to_a_file_is(tmp_path):
    fill(tmp_path, a__b_yaml="1")
    (tmp_path / "a" / "round").symlink_to(tmp_path)
    (tmp_path / "c.yaml").symlink_to(tmp_path / "a" / "b.yaml")

    assert specs_of(tmp_path) == [1, 1]


@pytest.mark.parametrize(
    "lines, left",
    [
        ("", ["a.yaml", "dev/a.yaml", "dev/b.yml", "x/dev/c.yaml"]),
        ("# a.yaml\n\n", ["a.yaml", "dev/a.yaml", "dev/b.yml", "x/dev/c.yaml"]),
        ("a.yaml", ["dev/b.yml", "x/dev/c.yaml"]),
        ("/a.yaml", ["dev/a.yaml", "dev/b.yml", "x/dev/c.yaml"]),
        ("dev", ["a.yaml"]),
        ("dev/", ["a.yaml"]),
        ("/dev/", ["a.yaml", "x/dev/c.yaml"]),
        ("*.yml\nx", ["a.yaml", "dev/a.yaml"]),
        ("dev/*.yaml", ["a.yaml", "dev/b.yml", "x/dev/c.yaml"]),
        ("[ab].*\n!/dev/b.yml", ["dev/b.yml", "x/dev/c.yaml"]),
        ("a.yaml/", ["a.yaml", "dev/a.yaml", "dev/b.yml", "x/dev/c.yaml"]),
    ],
)
def test_ignored(tmp_path, lines, left):
    fill(tmp_path, a_yaml="1", dev__a_yaml="1", dev__b_yml="1", x__dev__c_yaml="1")
    (tmp_path / ".evcli-ignore").write_text(lines)

    assert [file.relative_to(tmp_path).as_posix() for file in yaml_files(tmp_path)] == left


def test_source_becomes_code_and_stays(tmp_path):
    text = "type: task\ndata:\n  steps:\n  - source: ../run.sh\n  - source: b/x.sh\n    code: mine\n  - command: ls\n"
    fill(tmp_path, a__t_yaml=text)
    (tmp_path / "run.sh").write_bytes("echo é\r\n".encode())

    assert specs_of(tmp_path)[0]["data"]["steps"] == [
        {"source": "../run.sh", "code": "echo é\r\n"},
        {"source": "b/x.sh", "code": "mine"},
        {"command": "ls"},
    ]


def test_what_can_not_be_read_is_told_all_at_once(tmp_path):
    steps = "data: {steps: [{code: x}, {source: gone.sh}]}"
    fill(
        tmp_path, a_yaml="a: [", b_yaml=f"1\n---\ntype: task\n{steps}\n---\ntype: command\n{steps}", c_yaml="a: 1\na: 2"
    )
    (tmp_path / "d.yaml").write_bytes(b"\xff\xff")
    (tmp_path / "e.yaml").symlink_to(tmp_path / "nowhere")

    with pytest.raises(UnreadableFolder) as unreadable:
        read_folder(tmp_path)

    assert unreadable.value.reasons == [
        "a.yaml: line 1: expected the node content, but found '<stream end>'",
        "b.yaml: document 2, /data/steps/1/source: can't read 'gone.sh': No such file or directory",
        "c.yaml: line 2: 'a' occurs twice",
        "d.yaml: is not UTF-8",
        "e.yaml: No such file or directory",
    ]


OUTSIDE = "it is outside the deployed folder"


@pytest.mark.parametrize("source", ["../home/key", "/etc/hostname", "a/../../home/key", "out/key", "key", "../gone"])
def test_source_outside_of_the_folder_is_refused(tmp_path, source):
    fill(tmp_path, home__key="secret", flow__t_yaml=f"type: task\ndata: {{steps: [{{source: {source}}}]}}")
    (tmp_path / "flow" / "out").symlink_to(tmp_path / "home")
    (tmp_path / "flow" / "key").symlink_to("../home/key")

    with pytest.raises(UnreadableFolder) as unreadable:
        read_folder(tmp_path / "flow")

    place = "t.yaml: document 1, /data/steps/0/source"
    assert unreadable.value.reasons == [f"{place}: can't read {source!r}: {OUTSIDE}"]


def test_linked_yaml_outside_of_the_folder_is_refused(tmp_path):
    fill(tmp_path, home__secret_yaml="key: secret", flow__a_yaml="1")
    (tmp_path / "flow" / "b.yaml").symlink_to("../home/secret.yaml")
    (tmp_path / "flow" / "c.yaml").symlink_to("/nowhere")

    with pytest.raises(UnreadableFolder) as unreadable:
        read_folder(tmp_path / "flow")

    assert unreadable.value.reasons == [f"b.yaml: {OUTSIDE}", f"c.yaml: {OUTSIDE}"]


def test_linked_ignore_file_outside_of_the_folder_is_refused(tmp_path):
    fill(tmp_path, home__patterns="*", flow__a_yaml="1")
    (tmp_path / "flow" / ".evcli-ignore").symlink_to("../home/patterns")

    with pytest.raises(UnreadableFolder, match=OUTSIDE):
        read_folder(tmp_path / "flow")


def test_folder_reached_by_a_link_is_read(tmp_path):
    fill(tmp_path, flow__a__t_yaml="type: task\ndata: {steps: [{source: ../link}]}", flow__run="ls")
    (tmp_path / "flow" / "link").symlink_to("run")
    (tmp_path / "current").symlink_to("flow")

    assert specs_of(tmp_path / "current")[0]["data"]["steps"][0]["code"] == "ls"


def test_pipe_is_not_waited_for(tmp_path):
    fill(tmp_path, t_yaml="type: task\ndata: {steps: [{source: pipe}]}")
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(UnreadableFolder, match="it is not a regular file"):
        read_folder(tmp_path)


def test_folder_that_is_not_there(tmp_path):
    with pytest.raises(UnreadableFolder, match=r"nowhere: No such file or directory"):
        read_folder(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "text, value",
    [
        ("on", "on"),
        ("Yes", "Yes"),
        ("2026-01-31", "2026-01-31"),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("12:30:00", "12:30:00"),
        ("1_000", "1_000"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("010", 10),
        ("0x1F", 31),
        ("0o17", 15),
        ("-7", -7),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("18446744073709551616", 18446744073709551616.0),
        ("'1'", "1"),
        ("|\n  a\n   b\n", "a\n b\n"),
        ("{a: &x [1], b: *x}", {"a": [1], "b": [1]}),
        ("- &a {x: 1, y: 1}\n- {<<: *a, y: 2}", [{"x": 1, "y": 1}, {"x": 1, "y": 2}]),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text, value):
    [read] = read_yaml(text or "---\n")

    assert equal(read, value) and type(read) is type(value)


@pytest.mark.parametrize(
    "text",
    ["a: b: c", "&a [*a]", "&a {b: *a}", "[" * 1000, "!!python/object:os.system x", "? [a]\n: b", "*a", "!!int x"],
)
def test_what_is_no_yaml(text):
    with pytest.raises(InvalidYaml):
        list(read_yaml(text))


def lines_of(first: str, next_ones: str) -> str:
    """Return YAML in which each of a few lines stands for seven times the one before."""
    lines = [next_ones.format(n=n, before=", ".join([f"*a{n - 1}"] * 7)) for n in range(1, 30)]
    return "\n".join([f"- &a0 {first}", *lines])


BOMBS = {
    "aliases": lines_of("[1, 2]", "- &a{n} [{before}]"),
    "merges": lines_of("{a: 1, b: 2}", "- &a{n} {{<<: [{before}]}}"),
    "merges in a chain": lines_of("{a: 1}", "- &a{n} {{k{n}: {n}, <<: [{before}]}}"),
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_a_few_lines_that_stand_for_billions_are_refused_at_once(tmp_path, text):
    fill(tmp_path, a_yaml=text)
    start = time.thread_time()

    with pytest.raises(UnreadableFolder) as unreadable:
        read_folder(tmp_path)

    [reason] = unreadable.value.reasons
    assert reason.startswith(
        "a.yaml: line 30: up to here there are more than 200000 values (EVENTLANE_MAX_DEPLOYED_VAL"
    )
    assert time.thread_time() - start < 2


def test_all_files_together_have_one_allowance(tmp_path, settings):
    settings.EVENTLANE_MAX_DEPLOYED_VALUES = 10
    fill(tmp_path, a_yaml="[1, 2, 3, 4]", b_yaml="[1, 2, 3, 4]")
    assert specs_of(tmp_path) == [[1, 2, 3, 4]] * 2

    fill(tmp_path, c_yaml="5")
    with pytest.raises(UnreadableFolder, match=r"c\.yaml: line 1: up to here there are more than 10 values"):
        read_folder(tmp_path)


@given(VALUES)
@example(" a\nb\n")
@example("\n\n a")
@example("a \nb")
@example("a\r\nb")
@example("\ta\n")
@example("---\n")
@example("...")
@example("1e3")
@example("0o17")
@example("<<")
@example("=")
@example({"<<": {"a": 1}})
@example("\ufeff")
@example("\x85\u2028")
@example(1e300)
@example([-0.0, 1e23, 5e-324])
def test_values_survive_yaml(value):
    for compact in (False, True):
        [read] = read_yaml(write_yaml(value, compact=compact))

        assert equal(read, value)


def test_lines_of_values_are_found_by_their_pointers():
    wanted = {"": 1, "/a": 2, "/a/1": 4, "/a/1/b~1c": 5, "/a/9": 2, "/a/x": 2, "/none": 1, "/a/1/b~1c/d": 5}
    assert places_of("# first\na:\n  - 1\n  - x: 1\n    b/c: 2\n", wanted) == [*wanted.values()]


def test_texts_that_others_take_for_something_else_are_quoted():
    assert write_yaml(["on", "2026-01-31", "12:30", "1e3", "plain"]) == (
        "- 'on'\n- '2026-01-31'\n- '12:30'\n- '1e3'\n- plain\n"
    )


def test_code_is_written_as_it_looks(tmp_path):
    [spec] = check_specs([task(steps=[{"code": "set -eu\n\nif true; then\n  echo é\nfi\n"}])], identities={})

    [file] = write_folder(tmp_path, [dict(reversed(spec.items()))])

    assert file == tmp_path / "task" / "greet.yaml"
    assert file.read_text() == (
        "type: task\nversion: 1\nname: greet\ndata:\n  parameters: []\n  runtime:\n    name: local\n"
        "    parameters: {}\n  identities: []\n  environment: {}\n  steps:\n    - code: |\n        set -eu\n\n"
        "        if true; then\n          echo é\n        fi\n"
    )


@pytest.mark.slow
@given(TEXTS, TEXTS, VALUES)
def test_what_is_written_is_read_again(code, value, wanted):
    specs = check_specs(
        [
            task(steps=[{"code": code, "source": "x.sh"}], environment={"A": value}),
            pipeline(),
            trigger(filters=[{"path": "/a", "is_equal_to": wanted}]),
        ],
        identities={},
    )
    with TemporaryDirectory() as folder:
        write_folder(Path(folder), specs)
        read = check_specs(specs_of(Path(folder)), identities={})

    assert equal({spec["name"]: spec for spec in read}, {spec["name"]: spec for spec in specs})
