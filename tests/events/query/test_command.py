"""`manage.py query`: what the API answers, for people and for scripts."""

import csv
import json
import signal
import sys
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from events.lake.lines import UNSAFE
from events.models import Dataset
from projects.models import Organization, Project
from tests.events.lake.conftest import Node, node, other_node, project  # noqa: F401  (fixtures)


@pytest.fixture
def filled(node: Node) -> Node:  # noqa: F811
    node.write(*(json.dumps({"service": service, "duration": n}) for n, service in enumerate(["api", "api", "web"])))
    node.seal()
    node.write('{"service":"db","duration":5,"level":"error","message":"it broke"}')
    return node


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    call_command("query", "-d", "logs", *words)
    return capsys.readouterr().out.splitlines()


def test_it_works_as_a_process(filled: Node) -> None:
    done = filled.manage(
        "query", "-d", "logs", "duration>=1", "--calculate", "max(duration) as worst", "--group-by", "service"
    )
    assert done.stdout == "service  worst\ndb           5\nweb          2\napi          1\n"


def test_a_process_that_calls_it_goes_on_surviving_closed_sockets(
    filled: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    printed(capsys, "service:api")

    assert signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN  # as Python starts with


def test_table_has_the_others(filled: Node, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--calculate", "count", "--calculate", "p50(duration)", "--group-by", "service", "--limit", "1")
    assert printed(capsys, *words) == [
        "service  count  p50(duration)",
        "api          2            0.5",
        "others       2            3.5",
    ]
    assert printed(capsys, *words, "--order-by", "service desc")[1].startswith("web")


def test_events_are_shown_as_tail_shows_them(filled: Node, capsys: pytest.CaptureFixture[str]) -> None:
    [line] = printed(capsys, "level:error broke")
    assert line.endswith("ERROR web/db it broke")
    found = [json.loads(line)["event"]["duration"] for line in printed(capsys, "--json")]
    assert found == [0, 1, 2, 5]
    header, row = csv.reader(printed(capsys, "level:error", "--csv"))
    assert dict(zip(header, row, strict=True))["message"] == "it broke"


def test_json_is_the_answer_of_the_api(filled: Node, capsys: pytest.CaptureFixture[str]) -> None:
    [line] = printed(capsys, "--calculate", "count", "--granularity", "auto", "--json")
    answer = json.loads(line)
    assert answer["rows"] == [[4]]
    assert sum(answer["series"]["values"][0][0]) == 4


@pytest.mark.parametrize(
    "words",
    [
        ["query", "-d", "logs", "--csv"],
        ["query", "-d", "logs", "--json"],
        *(["query", "-d", "logs", "--calculate", "count", "--group-by", "evil", form] for form in ("--csv", "--json")),
        ["fields", "logs", "--json"],
        ["export_events", "logs"],
    ],
    ids=" ".join,
)
def test_no_control_character_reaches_a_terminal(
    filled: Node, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    filled.write('{"evil":"\\u001b[31mred\x9b2J\u2028","message":"\\u001b]0;title\\u0007\\r\\n"}')
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    call_command(*words)
    shown = capsys.readouterr().out
    assert "red" in shown and not UNSAFE.search(shown.replace("\n", ""))


def test_time_frame(filled: Node, capsys: pytest.CaptureFixture[str]) -> None:
    filled.write("{}", age=timedelta(hours=3))
    assert printed(capsys, "--calculate", "count", "--csv") == ["count", "4"]
    assert printed(capsys, "--calculate", "count", "--csv", "--from", "4h", "--received") == ["count", "5"]
    assert printed(capsys, "--calculate", "count", "--csv", "--from", "4h", "--to", "2h") == ["count", "1"]


@pytest.mark.parametrize("words", [[], ["--calculate", "count", "--group-by", "service"], ["--csv"]])
def test_no_match_is_said_with_its_time_frame(
    filled: Node, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    frame = ("--from", "2026-11-01", "--to", "2026-11-02T10:30:00.5Z")
    call_command("query", "-d", "logs", "level:fatal", *frame, *words)
    out, err = capsys.readouterr()
    assert err == "nothing matched in logs with a time from 2026-11-01T00:00:00Z until 2026-11-02T10:30:00Z\n"
    assert out.count("\n") == words.count("--csv")  # a header of CSV is for programs
    call_command("query", "-d", "logs", "level:fatal", "--received", *words)
    assert "nothing matched in logs received from 20" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["level:"], "Invalid search: at character 7: expected a value for level."),
        (["--from", "soon"], "--from: a time is"),
        (["--calculate", "count", "--calculate", "p42(x)"], "--calculate (number 2): must be one of"),
        (["--group-by", "x"], "--group-by: groups need calculations"),
        (["--limit", "0"], "--limit: must be a whole number"),
        (["--calculate", "p95 of duration"], "'p95 of duration' is not like count, p95(duration)"),
        (["-d", "nowhere"], "there is no dataset nowhere; choose from logs"),
    ],
)
def test_mistakes_are_named_with_their_option(filled: Node, words: list[str], said: str) -> None:
    with pytest.raises(CommandError) as raised:
        call_command("query", "-d", "logs", *words)
    assert said in str(raised.value)


@pytest.mark.parametrize("command", ["fields", "export_events"])
def test_other_questions_name_the_option_of_a_mistake_too(filled: Node, command: str) -> None:
    with pytest.raises(CommandError, match=r"^--from: a time is"):
        call_command(command, "logs", "--from", "soon")


def test_datasets_are_of_one_project(filled: Node) -> None:
    other = Project.objects.create(organization=Organization.objects.create(name="others"), name="other")
    Dataset.objects.create(project=other, name="theirs")
    with pytest.raises(CommandError, match="different projects"):
        call_command("query", "-d", "logs", "-d", "theirs")


def test_what_is_missing_is_said(filled: Node, capsys: pytest.CaptureFixture[str], other_node: Node) -> None:  # noqa: F811
    other_node.write("{}")
    other_node.seal()
    call_command("query", "-d", "logs", "--calculate", "count")
    assert "partial: what node node-b received" in capsys.readouterr().err
