"""The exercises of `manage.py drill`, each once, and the command as an operator would run it."""

import json
import subprocess
import sys

import pytest
from django.core.management import call_command

from eventlane.configuration import ROOT
from events.drill.exercises import EXERCISES, Exercise


def drill(*words):
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "drill", *words], capture_output=True, text=True, timeout=290
    )


@pytest.mark.drill
@pytest.mark.parametrize("name", sorted(EXERCISES.keys() - {"slow-bodies"}))
def test_exercise_goes_as_promised(fresh_server, name):
    settings = {"EVENTLANE_WORKER_PROCESSES": "0", "EVENTLANE_WEB_PROCESSES": "1"} | EXERCISES[name].settings
    assert EXERCISES[name].run(fresh_server(**settings))


@pytest.mark.drill
def test_exercise_by_command():
    done = drill("slow-bodies", "--json")
    [outcome] = json.loads(done.stdout)
    assert (outcome["exercise"], outcome["passed"]) == ("slow-bodies", True), outcome["seen"]
    assert done.returncode == 0


def test_unknown_exercise_is_refused_with_those_that_exist():
    done = drill("parachute")
    assert done.returncode == 1
    assert "there is no exercise 'parachute'; choose from power-cut, " in done.stderr


@pytest.mark.drill
def test_what_does_not_go_as_promised_is_said_and_ends_with_1(monkeypatch, capsys):
    def broken(platform):
        """Expect what doesn't come."""
        platform.wait_until(lambda: False, "pigs fly", seconds=0.1)

    monkeypatch.setitem(EXERCISES, "broken", Exercise(broken))
    with pytest.raises(SystemExit) as end:
        call_command("drill", "broken")
    assert end.value.code == 1
    shown = capsys.readouterr().out
    assert "FAILED  broken          Expect what doesn't come." in shown
    assert "not within 0 s: pigs fly" in shown
