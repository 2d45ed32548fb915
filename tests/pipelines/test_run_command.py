"""`manage.py run`, `pipelines`, `abort` and `restart`, but for the following (test_following.py, acceptance)."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from pipelines.execution.tasks import claim_task, finish_task
from pipelines.management.commands.run import InvalidValues, read_values
from pipelines.models import Pipeline, Resource, TaskStep
from pipelines.resources.deploy import deploy
from projects.models import Project
from tests.factories import make_project
from tests.pipelines.resources.samples import command, pipeline, task

pytestmark = pytest.mark.django_db(transaction=True)

PARAMETERS = [
    {"name": "branch", "type": "string", "description": "What to build."},
    {"name": "replicas", "type": "integer", "default": 2},
    {"name": "share", "type": "number", "default": 0.5},
    {"name": "force", "type": "boolean", "default": False},
    {"name": "stage", "type": "string", "values": ["test", "live"], "default": "test"},
]
UNKNOWN = "23BxCU5Dh90B3XVF4UrkWrnjdCO"


@pytest.fixture
def project() -> Project:
    project = make_project("acme")
    nothing = task(runtime={"name": "none"}, steps=[])
    deploy(project, [nothing, pipeline(concurrent=True), command(parameters=PARAMETERS), command("other")])
    return project


@pytest.fixture
def made(project: Project) -> Pipeline:
    run("run", "hello", "branch=main", "--no-follow")
    return Pipeline.objects.get()


def run(name: str, *words: str) -> str:
    out = StringIO()
    call_command(name, *words, stdout=out, stderr=StringIO())
    return out.getvalue()


def refusal(name: str, *words: str) -> CommandError:
    with pytest.raises(CommandError) as refused:
        run(name, *words)
    return refused.value


def end(made: Pipeline, failure: str | None = None) -> None:
    row = made.tasks.get()
    claimed = claim_task(row.pk, made.pk, row.attempt, "node/1")
    TaskStep.objects.create(
        task=row, position=0, label="say", start_time=claimed.start_time, end_time=claimed.start_time,
        exit_code=0, output="one\x1b[2J\ntwo\n",
    )  # fmt: skip
    finish_task(claimed, failure)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("branch=", ""), ("branch=a=b", "a=b"), ("branch=7", "7"), ("branch= é ", " é "),
        ("replicas=7", 7), ("replicas=-7", -7), ("replicas=+07", 7),
        ("share=7", 7), ("share=-0.25", -0.25), ("share=1e3", 1000.0),
        ("force=true", True), ("force=false", False),
    ],
)  # fmt: skip
def test_texts_become_what_the_parameter_is(word, value):
    [read] = read_values(PARAMETERS, [word]).values()
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize(
    ("words", "problems"),
    [
        (["replicas=7.0"], ["replicas: '7.0' is not a whole number"]),
        (["replicas=1_000"], ["replicas: '1_000' is not a whole number"]),
        (["replicas="], ["replicas: '' is not a whole number"]),
        (["replicas=٣"], ["replicas: '٣' is not a whole number"]),
        (["share=nan", "share=inf"], ["share: 'nan' is not a number", "share: 'inf' is not a number"]),
        (["force=yes"], ["force: 'yes' is neither true nor false"]),
        (["force=True"], ["force: 'True' is neither true nor false"]),
        (["branch=a", "branch=b"], ["branch: is given twice"]),
        (["branch"], ["'branch' is not key=value"]),
        (["=a"], [": there is no such parameter"]),
        (["colour=red", "replicas=x"], ["colour: there is no such parameter", "replicas: 'x' is not a whole number"]),
    ],
)
def test_texts_that_are_no_values(words, problems):
    with pytest.raises(InvalidValues) as refused:
        read_values(PARAMETERS, words)
    assert refused.value.args == (problems,)


def test_run_without_following_prints_the_pipelines(project):
    out = run("run", "hello", "branch=main", "replicas=3", "force=true", "--project", "acme", "--no-follow")

    [made] = Pipeline.objects.all()
    assert out == f"{made.pk}\n"
    assert made.tasks.get().command_parameters == {
        "branch": "main", "replicas": 3, "share": 0.5, "force": True, "stage": "test",
    }  # fmt: skip


@pytest.mark.parametrize("words", [[], ["branch=a", "stage=moon"], ["branch=a", "replicas=x"]])
def test_values_that_do_not_fit_start_nothing(project, words):
    refused = refusal("run", "hello", *words)

    assert refused.returncode == 64
    assert "branch=string: What to build." in str(refused) and "stage=string (test|live), default 'test'" in str(
        refused
    )
    assert not Pipeline.objects.exists()


def test_problem_names_its_parameter(project):
    assert str(refusal("run", "hello", "branch=a", "stage=moon")).startswith("stage: must be one of 'test', 'live'\n")
    assert str(refusal("run", "hello")).startswith("parameter 'branch' is missing")


def test_unknown_command_lists_what_there_is(project):
    refused = refusal("run", "greetings")

    assert str(refused) == "project acme has no command 'greetings'; choose from hello, other"
    assert refused.returncode == 64


def test_disabled_command_and_pipeline(project):
    Resource.objects.filter(type="pipeline").update(disabled=True)
    assert "all pipelines of the command other are disabled" in str(refusal("run", "other"))
    Resource.objects.filter(type="command").update(disabled=True)
    assert str(refusal("run", "other")) == "The command other is disabled."


def test_list(made):
    end(made)
    assert run("pipelines").split()[:1] == [made.pk]
    assert " greetings  successful after 0." in run("pipelines") and "command hello, command/execution" in run(
        "pipelines"
    )
    assert run("pipelines", "--status", "failed") == ""
    assert json.loads(run("pipelines", "--json", "--status", "successful"))["id"] == made.pk


def test_list_has_the_newest_last(made):
    run("run", "other", "--no-follow")
    newest = Pipeline.objects.order_by("-event_time").first().pk

    assert [line.split()[0] for line in run("pipelines").splitlines()] == [made.pk, newest]
    assert run("pipelines", "--limit", "1").split()[0] == newest


def test_details(made):
    end(made, "step 1 (say): exit status 3")

    shown = run("pipelines", made.pk)
    assert "  greet " in shown and "    step 1 (say): exit status 3\n" in shown and "two" not in shown
    assert "    step 1 say (exit status 0)\n    │ one\\x1b[2J\n    │ two\n" in run("pipelines", made.pk, "--output")
    [with_tasks] = json.loads(run("pipelines", made.pk, "--json", "--output"))["tasks"]
    assert (with_tasks["status"], with_tasks["steps"][0]["output"]) == ("failed", "one\x1b[2J\ntwo\n")
    assert "output" not in json.loads(run("pipelines", made.pk, "--json"))["tasks"][0]["steps"][0]


def test_abort(made):
    assert run("abort", made.pk) == f"greetings {made.pk}: aborted\n"
    made.refresh_from_db()
    assert made.status == "aborted"
    assert str(refusal("abort", made.pk)) == "not all pipelines were aborted"


def test_abort_queued(made):
    assert str(refusal("abort", "--queued")).startswith("give a PIPELINE_ID, or --queued with --trigger")
    assert str(refusal("abort", made.pk, "--queued", "--command", "hello")).startswith("give a PIPELINE_ID, or")
    assert str(refusal("abort", "--queued", "--command", "bye")).endswith("'bye'; choose from hello, other")
    assert str(refusal("abort", "--queued", "--pipeline", "x\0")).endswith("'x\\x00'; choose from greetings")
    assert run("abort", "--queued", "--trigger", UNKNOWN) == "0 queued pipelines aborted\n"
    assert run("abort", "--queued", "--command", "other") == "0 queued pipelines aborted\n"
    assert run("abort", "--queued", "--command", "hello", "--pipeline", "greetings") == "1 queued pipeline aborted\n"
    made.refresh_from_db()
    assert made.status == "aborted"


def test_restart(made):
    assert str(refusal("restart", made.pk)) == "The pipeline has not ended yet."
    end(made)
    assert "there is no failure" in str(refusal("restart", made.pk, "--from-failure"))
    run("restart", made.pk)
    made.refresh_from_db()
    assert made.status == "created"
    end(made, "boom")
    run("restart", made.pk, "--from-failure")
    assert Pipeline.objects.get().status == "created"


@pytest.mark.parametrize("name", ["abort", "restart", "pipelines"])
@pytest.mark.parametrize("wrong", [UNKNOWN, "x", "é"])
def test_unknown_pipeline(project, name, wrong):
    assert str(refusal(name, wrong)) == f"there is no pipeline {wrong!r}; `manage.py pipelines` lists them"
