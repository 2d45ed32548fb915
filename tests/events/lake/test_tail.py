"""`manage.py tail`: as a process, as a user runs it, and in this one where only the answer counts, which is faster."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time
from contextlib import redirect_stdout
from datetime import timedelta
from io import StringIO
from typing import IO, Any

import pytest
from django.core.management import CommandError, call_command

from events.models import Dataset
from projects.models import Project
from tests.events.lake.conftest import Node


def test_plain_output(node: Node) -> None:
    node.write('{"timestamp":1782909015,"level":"error","message":"it broke\\n\\u001b[2J"}', service="api")
    node.seal()
    node.write('{"time":1782909016}')
    assert node.manage("tail", "logs").stdout == (
        "2026-07-01T12:30:15.000Z ERROR web/api it broke\\n\\x1b[2J\n"
        '2026-07-01T12:30:16.000Z -     web {"time":1782909016}\n'
    )


def test_json_output(node: Node) -> None:
    events = ['{"a":1e999,"b":1.0,"b":2}', '{\r\n"c":\n"\x7f\u2028"\r\n}', "{}"]
    node.write(*events[:2], service="api")
    node.seal()
    node.write(events[2], namespace="db")
    lines = node.manage("tail", "logs", "--json").stdout.split("\n")[:-1]
    rows = node.rows()
    assert len(lines) == 3
    for line, row in zip(lines, rows, strict=True):
        fields = json.loads(line)
        assert list(fields) == ["id", "received_time", "event_time", "namespace", "service", "event"]
        assert (fields["id"], fields["namespace"], fields["service"]) == (str(row.id), row.namespace, row.service)
        assert fields["received_time"] == row.received_time.isoformat(timespec="microseconds").replace("+00:00", "Z")
        assert line.endswith(f'"event": {row.event.replace(chr(13), " ").replace(chr(10), " ")}}}')
    assert [row.event for row in rows] == events


def shown(*words: str) -> list[int]:
    """Return the numbers of the events that tail shows."""
    with redirect_stdout(StringIO()) as output:
        call_command("tail", "logs", "--json", *words)
    return [json.loads(line)["event"]["n"] for line in output.getvalue().splitlines()]


def test_which_events_are_shown(node: Node) -> None:
    node.write(*[json.dumps({"n": number, "level": "info"}) for number in range(150)], age=timedelta(hours=2))
    node.write(*[json.dumps({"n": number, "user": {"id": number % 2}}) for number in range(150, 300)], namespace="db")
    assert shown() == list(range(200, 300))
    assert shown("--limit", "3") == [297, 298, 299]
    assert shown("--from", "1h") == list(range(150, 300))
    assert shown("--from", "3h") == list(range(300))
    assert shown("--from", "3h", "--limit", "120") == list(range(180, 300))
    assert shown("--namespace", "web", "--limit", "2") == [148, 149]
    assert shown("--filter", "user.id=1", "--filter", "namespace=db", "--limit", "2") == [297, 299]
    assert shown("--search", 'LEVEL": "INFO', "--limit", "1") == [149]
    assert shown("user.id:1 (namespace:db OR level:warn)", "--limit", "2") == [297, 299]
    assert shown("--limit", "2", "--", "-user.id:*") == [148, 149]
    assert shown("--from", "900000w", "--limit", "1") == [299]


REFUSED = [
    (["none"], "there is no dataset none; choose from logs"),
    (["logs", "--project", "none"], "there is no dataset logs in project none"),
    (["logs", "--from", "yesterday"], "'yesterday' is not a duration"),
    (["logs", "--filter", "level"], "'level' is not KEY=VALUE"),
    (["logs", "--filter", '"a=b'], "is not KEY=VALUE"),
    (["logs", "--namespace", "nope"], "dataset logs has no namespace 'nope'; it has"),
    (["logs", "level:"], "Invalid search: at character 7"),
    (["logs", "--limit", "0"], "'0' is not a whole number that is at least 1"),
]


def test_what_is_refused(node: Node) -> None:
    for words, message in REFUSED:
        with pytest.raises(CommandError, match=re.escape(message)):
            call_command("tail", *words)
    words, message = REFUSED[0]
    done = node.manage("tail", *words, check=False)
    assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr


def test_event_dated_in_the_future_is_not_the_newest_and_doctor_names_it(node: Node) -> None:
    node.write('{"n":1}', age=-timedelta(days=365))
    node.write('{"n":2}')
    assert shown("--limit", "1") == shown("--from", "1h") == [2]
    node.seal()
    assert shown("--limit", "1") == shown() == [2]
    assert node.manage("tail", "logs").stderr.startswith("1 event is dated up to ")
    [found] = [line for line in node.manage("doctor", check=False).stdout.splitlines() if "the clock was fast" in line]
    assert "1 events of logs are dated up to" in found


def test_dataset_of_several_projects_needs_the_project(node: Node) -> None:
    project = Project.objects.create(organization=node.dataset.project.organization, name="second")
    dataset = Dataset.objects.create(project=project, name="logs")
    node.write('{"n":1}')
    node.write('{"n":2}', dataset=dataset)
    done = node.manage("tail", "logs", check=False)
    assert done.returncode == 1 and "--project" in done.stderr and project.id in done.stderr
    assert shown("--project", "main") == [1]
    assert shown("--project", "second") == shown("--project", project.id) == [2]


def read_line(stream: "IO[str]", seconds: float) -> str:
    """Return the next line of an unbuffered pipe, or an empty text if none comes in time."""
    ready, _, _ = select.select([stream], [], [], seconds)
    return stream.readline() if ready else ""


@pytest.fixture
def follower(node: Node) -> Any:
    node.write('{"n":0}')
    command = node.command("tail", "logs", "--follow", "--json")
    process = subprocess.Popen(**command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)
    yield process
    process.kill()
    process.wait()
    assert process.stdout and process.stderr
    process.stdout.close()
    process.stderr.close()


def test_follow_shows_each_event_once_and_within_a_second(node: Node, other_node: Node, follower: Any) -> None:
    def next_number(seconds: float) -> int:
        return json.loads(read_line(follower.stdout, seconds))["event"]["n"]

    assert next_number(30) == 0
    delays = []
    for number in range(1, 9):
        node.write(json.dumps({"n": number}))
        stored = time.monotonic()
        assert next_number(30) == number
        delays.append(time.monotonic() - stored)
        if number % 2:
            node.seal()
    assert sorted(delays)[len(delays) // 2] < 1.0, delays
    other_node.write('{"n":9}')
    other_node.seal()
    assert next_number(30) == 9
    assert read_line(follower.stdout, 1.0) == ""
    follower.send_signal(signal.SIGINT)
    assert follower.wait(30) == 0
    assert follower.stderr.read() == ""


def test_reader_that_goes_away_is_no_error(node: Node) -> None:
    for _ in range(20):
        node.write(*[json.dumps({"n": number, "text": "x" * 100}) for number in range(1000)])
    process = subprocess.Popen(
        **node.command("tail", "logs", "--from", "1h"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout and process.stderr
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(30) == -signal.SIGPIPE
    assert process.stderr.read() == b""
    process.stderr.close()


def output_on_a_terminal(node: Node, *words: str, **environment: str) -> str:
    """Run tail on a terminal of its own."""
    terminal, side = pty.openpty()
    command = node.command("tail", "logs", *words)
    command["env"] = {name: value for name, value in command["env"].items() if name != "NO_COLOR"} | environment
    process = subprocess.Popen(**command, stdout=side, stderr=side)
    os.close(side)
    output = b""
    try:
        while data := os.read(terminal, 65536):
            output += data
    except OSError:
        pass  # how Linux says that nobody holds the other side any more
    os.close(terminal)
    assert process.wait(30) == 0
    return output.decode()


def test_terminal_gets_colours_but_no_commands(node: Node) -> None:
    node.write('{"level":"error","message":"\x9b2J\\u001b]0;title\\u0007"}')
    coloured = output_on_a_terminal(node)
    assert "\x1b[31mERROR\x1b[0m" in coloured and r"\x9b2J\x1b]0;title\x07" in coloured
    assert "\x1b" not in output_on_a_terminal(node, NO_COLOR="1")
    as_json = output_on_a_terminal(node, "--json")
    assert "\x9b" not in as_json and json.loads(as_json)["event"]["message"] == "\x9b2J\x1b]0;title\x07"


def test_help_has_an_example(node: Node) -> None:
    assert "python manage.py tail logs --namespace web" in node.manage("tail", "--help").stdout
