"""Specs: what a set may hold, and every problem of one that can't be deployed."""

# ruff: noqa: E501  # a case is one line

import re
import time
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlane.wire.errors import InvalidRequestBody
from pipelines.resources.shapes import MAX_PROBLEMS
from pipelines.resources.specs import check_specs
from tests.pipelines.resources.samples import VALUES, command, pipeline, task, timer, trigger, whole

IDENTITIES: Any = {"github-bot": object()}


def kept(*specs: Any) -> list[dict[str, Any]]:
    return check_specs(list(specs), identities=IDENTITIES)


def problems(*specs: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequestBody) as refused:
        kept(*specs)
    return [(problem["pointer"], problem["reason"]) for problem in refused.value.data["jsv_errors"]]


def local(*steps: Any, **data: Any) -> dict[str, Any]:
    return task(steps=[*steps], **data)


MANY = {f"V{n}": "" for n in range(30)}


def test_specs_with_too_many_values_are_refused_as_a_whole(settings):
    settings.EVENTLANE_MAX_DEPLOYED_VALUES = 100
    few = task(environment=MANY)

    assert kept(few)
    reason = "must have at most 100 values (EVENTLANE_MAX_DEPLOYED_VALUES), all specs together"
    assert problems(few, task("other", environment=MANY)) == [("/specs", reason)]


def test_values_for_a_task_are_kept_as_its_parameters_have_them():
    counted = task(parameters=[{"name": "n", "type": "integer"}, {"name": "x", "type": "number"}])
    _, spec = kept(counted, pipeline("many", {"task": "greet", "parameters": {"n": 7.0, "x": 7.0}}))

    values = spec["data"]["tasks"][0]["parameters"]
    assert [(name, type(value), value) for name, value in values.items()] == [("n", int, 7), ("x", float, 7.0)]


def test_defaults_are_filled_in():
    container = {"name": "container", "parameters": {"image": "alpine"}}
    specs = kept(task(runtime=container), pipeline(), command(), trigger(parameters=None))

    assert [spec["data"] for spec in specs] == [
        {
            "parameters": [],
            "runtime": {"name": "container", "parameters": {"image": "alpine", "host_type": "small"}},
            "identities": [],
            "environment": {},
            "steps": [{"code": "echo hello\n"}],
        },
        {
            "concurrent": False,
            "tasks": [
                {
                    "task": "greet",
                    "parameters": {},
                    "dependencies": [],
                    "on_failure": "abort",
                    "nb_instances": 1,
                    "nb_retries": 0,
                    "retry_delay": 0,
                }
            ],
        },
        {"parameters": [], "pipelines": ["greetings"]},
        {"connector": "custom", "event": "guest", "parameters": {}, "filters": [], "pipelines": ["greetings"]},
    ]


def test_everything_there_is_is_kept():
    parameter = {
        "name": "who",
        "type": "string",
        "values": ["you", "me"],
        "default": "you",
        "description": "Whom",
        "environment": "WHO",
    }
    parameters = {
        "image": "alpine",
        "host_type": "large",
        "registry_identities": ["github-bot"],
        "extra_containers": [
            {"name": "db", "image": "postgres", "command": "run", "arguments": ["-v"], "environment": {"A": "1"}}
        ],
        "timeout": 60,
    }
    steps = [
        {"label": "Code", "code": "echo\n", "source": "a.sh", "arguments": ["1", ""]},
        {"command": "/bin/true"},
    ]
    full = task(
        parameters=[parameter],
        runtime={"name": "container", "parameters": parameters},
        identities=["github-bot"],
        environment={"LANG": "", "_a": "b"},
        steps=steps,
    ) | {"description": "Greets."}
    tasks = [
        {
            "name": "a",
            "label": "A",
            "task": "greet",
            "parameters": {"who": "me"},
            "dependencies": [],
            "on_failure": "continue",
            "nb_instances": 10,
            "nb_retries": 100,
            "retry_delay": 86_400,
        },
        {"name": "b", "task": "greet", "parameters": {}, "dependencies": ["a"], "on_failure": "abort"}
        | {"nb_instances": 1, "nb_retries": 0, "retry_delay": 0},
    ]
    filters = [{"path": "/a", "is_equal_to": None, "matches": "x"}]
    specs = [
        full,
        pipeline("greetings", *tasks, concurrent=True, retention=30),
        command(parameters=[parameter]),
        trigger(filters=filters, identity="github-bot", parameters={}),
    ]

    assert kept(*deepcopy(specs)) == specs


def test_null_is_absent():
    spec = task(environment={"A": None}, parameters=None) | {"description": None, "extra": None}

    assert kept(spec) == kept(task())


def test_one_argument_may_be_a_text():
    [spec] = kept(local({"command": "ls", "arguments": "-l"}))

    assert spec["data"]["steps"] == [{"command": "ls", "arguments": ["-l"]}]


@pytest.mark.parametrize(
    "runtime, steps",
    [
        ({"name": "local"}, [{"code": "x"}]),
        ({"name": "local", "parameters": {"timeout": 1, "memory_mb": 16, "processes": 1, "output_kb": 1}}, [{"code": ""}]),
        ({"name": "none"}, None),
        ({"name": "none", "parameters": {}}, []),
        ({"name": "container", "parameters": {"image": "a", "timeout": 86_400}}, [{"code": "x", "source": "y"}]),
    ],
)  # fmt: skip
def test_runtimes(runtime, steps):
    [spec] = kept(task(runtime=runtime, steps=steps))

    assert spec["data"]["runtime"]["name"] == runtime["name"]
    assert spec["data"]["runtime"]["parameters"].items() >= runtime.get("parameters", {}).items()
    assert spec["data"]["steps"] == (steps or [])


@pytest.mark.parametrize("specs", [None, {}, "x", 1])
def test_a_set_is_an_array(specs):
    with pytest.raises(InvalidRequestBody) as refused:
        check_specs(specs, identities={})

    assert refused.value.data == {"jsv_errors": [{"pointer": "/specs", "reason": "must be an array"}]}


def test_an_empty_set_is_one():
    assert kept() == []


@pytest.mark.parametrize(
    "spec, expected",
    [
        (None, [("", "must be a JSON object")]),
        ([], [("", "must be a JSON object")]),
        (
            {},
            [
                ("", "member 'type' is missing"),
                ("", "member 'version' is missing"),
                ("", "member 'name' is missing"),
                ("", "member 'data' is missing"),
            ],
        ),
        (task() | {"type": "job"}, [("/type", "must be trigger, command, pipeline, task, query, dashboard, alert or channel")]),
        (task() | {"type": ["task"]}, [("/type", "must be trigger, command, pipeline, task, query, dashboard, alert or channel")]),
        (task() | {"version": 2}, [("/version", "must be 1")]),
        (task() | {"version": True}, [("/version", "must be an integer")]),
        (task() | {"version": "1"}, [("/version", "must be an integer")]),
        (
            task() | {"name": "Greet"},
            [("/name", "must be 1 to 100 lower case letters, digits, '-' and '_', starting with a letter or digit")],
        ),
        (task() | {"name": "x" * 101}, [("/name", "must have at most 100 characters")]),
        (task() | {"description": ""}, [("/description", "must not be empty")]),
        (task() | {"description": "x" * 501}, [("/description", "must have at most 500 characters")]),
        (task() | {"a/b": 1, "c": 2}, [("", "member 'a/b' is unknown"), ("", "member 'c' is unknown")]),
        (task() | {"data": []}, [("/data", "must be a JSON object")]),
        (task(run={}), [("/data", "member 'run' is unknown")]),
        (task(steps=None), [("/data", "member 'steps' is missing")]),
        (task(steps=[]), [("/data/steps", "must have at least 1 element")]),
        (task(steps={}), [("/data/steps", "must be an array")]),
        (task(runtime={"name": "none"}), [("/data/steps", "the runtime none runs nothing, so there must be no steps")]),
        (task(runtime={"name": "none", "parameters": {"timeout": 1}}, steps=[]), [("/data/runtime/parameters", "member 'timeout' is unknown")]),
        (task(runtime="local"), [("/data/runtime", "must be a JSON object")]),
        (task(runtime={}), [("/data/runtime", "member 'name' is missing")]),
        (task(runtime={"name": "vm", "parameters": {"x": 1}}), [("/data/runtime/name", "must be container, local or none")]),
        (task(runtime={"name": "container"}), [("/data/runtime", "member 'parameters' is missing")]),
        (task(runtime={"name": "container", "parameters": {}}), [("/data/runtime/parameters", "member 'image' is missing")]),
        (
            task(runtime={"name": "local", "parameters": {"timeout": 0, "memory_mb": 15, "processes": 1.5, "output_kb": "1", "image": "x"}}),
            [
                ("/data/runtime/parameters/timeout", "must be from 1 to 86400"),
                ("/data/runtime/parameters/memory_mb", "must be at least 16"),
                ("/data/runtime/parameters/processes", "must be an integer"),
                ("/data/runtime/parameters/output_kb", "must be an integer"),
                ("/data/runtime/parameters", "member 'image' is unknown"),
            ],
        ),
        (
            task(runtime={"name": "container", "parameters": {"image": "a", "host_type": "huge", "registry_identities": ["no"], "extra_containers": [{"name": "db", "image": "x"}] * 2}}),
            [
                ("/data/runtime/parameters/host_type", "must be small, medium or large"),
                ("/data/runtime/parameters/registry_identities/0", "the project has no identity 'no'"),
                ("/data/runtime/parameters/extra_containers/1/name", "'db' is there more than once"),
            ],
        ),
        (
            task(runtime={"name": "container", "parameters": {"image": "a", "user": "--privileged", "capabilities": ["SYS_ADMIN"], "extra_containers": [{"name": "db", "image": "x", "user": "a b", "capabilities": "KILL"}]}}),
            [
                ("/data/runtime/parameters/extra_containers/0/user", "must be image, or a user like 1000:1000 or www-data"),
                ("/data/runtime/parameters/extra_containers/0/capabilities", "must be an array"),
                ("/data/runtime/parameters/user", "must be image, or a user like 1000:1000 or www-data"),
                ("/data/runtime/parameters/capabilities/0", "must be CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, NET_BIND_SERVICE, SETGID or SETUID"),
            ],
        ),
        (task(runtime={"name": "container", "parameters": {"image": "a", "extra_containers": [{"name": "db", "image": "x"}] * 6}}), [("/data/runtime/parameters/extra_containers", "must have at most 5 elements")]),
        (local({}), [("/data/steps/0", "one of the members 'code', 'command' and 'source' is missing")]),
        (local({"code": 1}), [("/data/steps/0/code", "must be a string")]),
        (local({"source": "a.sh"}), [("/data/steps/0", "member 'code' is missing: the server can't read the file that 'source' names")]),
        (local({"code": "x", "command": "y"}), [("/data/steps/0", "only one of the members 'code', 'command' and 'source' may be given")]),
        (local({"command": "y", "source": "z"}), [("/data/steps/0", "only one of the members 'code', 'command' and 'source' may be given")]),
        (local({"command": "ls -l"}), [("/data/steps/0/command", "must be a program without spaces")]),
        (local({"code": "x", "arguments": [1]}), [("/data/steps/0/arguments/0", "must be a string")]),
        (local({"code": "x", "label": ""}), [("/data/steps/0/label", "must not be empty")]),
        (task(environment={"A": 1, "B C": "x"}), [("/data/environment", "member 'B C': its name must be the name of an environment variable"), ("/data/environment/A", "must be a string")]),
        (task(identities=["no", "github-bot", "github-bot"]), [("/data/identities/0", "the project has no identity 'no'"), ("/data/identities/2", "'github-bot' is there more than once")]),
        (task(parameters=[{"name": "a", "type": "string", "default": 1}]), [("/data/parameters/0/default", "must be a string")]),
        (task(environment={"A": "\0"}), [("/data/environment/A", "must not hold U+0000 or half of a surrogate pair")]),
        (task(environment={"A\0": "x"}), [("/data/environment", r"the name of member 'A\x00' must be a string without U+0000")]),
        (task(environment={1: "x"}), [("/data/environment", "the name of member '1' must be a string without U+0000")]),
        (task(environment=float("nan")), [("/data/environment", "must be a number that JSON has")]),
        (task(environment=10**400), [("/data/environment", "must be a number that JSON has")]),
        (task(environment=b"x"), [("/data/environment", "must be a value that JSON has, not a bytes")]),
    ],
)  # fmt: skip
def test_what_is_no_spec(spec, expected):
    assert problems(spec) == [(f"/specs/0{pointer}", reason) for pointer, reason in expected]


@pytest.mark.parametrize(
    "data, expected",
    [
        ({"connector": None}, [("", "member 'connector' is missing")]),
        ({"connector": 1, "event": []}, [("/connector", "must be a string"), ("/event", "must be a string")]),
        ({"connector": "command", "event": "execution"}, [("/connector", "can't start triggers")]),
        ({"connector": "nope"}, [("/connector", "must be one of custom, dataset, github, time, webhook")]),
        ({"event": "No name"}, [("/event", "must be a name: a-z, 0-9, '-' and '_'")]),
        ({"connector": "time"}, [("/event", "must be one of tick"), ("/parameters", "must have exactly one of oneshot, periodic, hourly, daily, weekly, cron")]),
        ({"connector": "github", "event": "push"}, [("/parameters", "member 'organization' is missing")]),
        ({"filters": {}}, [("/filters", "must be an array")]),
        ({"filters": [{"path": "/a"}, {"path": "a", "matches": "("}]}, [("/filters/1/path", "must be a JSON pointer, like /user/plan"), ("/filters/1/matches", "must be a valid RE2 regular expression: missing ): (")]),
        ({"filters": [{"path": "/a"}] * 101}, [("/filters", "must have at most 100 elements")]),
        ({"identity": "no"}, [("/identity", "the project has no identity 'no'")]),
        ({"pipelines": None}, [("", "member 'pipelines' is missing")]),
        ({"pipelines": ["greetings", 1, "no", "greetings"]}, [("/pipelines/1", "must be a string"), ("/pipelines/2", "there is no pipeline 'no' among the specs"), ("/pipelines/3", "'greetings' is there more than once")]),
    ],
)  # fmt: skip
def test_what_is_no_trigger(data, expected):
    found = problems(task(), pipeline(), trigger(**data))

    assert found == [(f"/specs/2/data{pointer}", reason) for pointer, reason in expected]


@pytest.mark.parametrize(
    "tasks, expected",
    [
        ([{}], [("/0", "member 'task' is missing")]),
        ([{"task": "no"}], [("/0/task", "there is no task 'no' among the specs")]),
        ([{"task": "greetings"}], [("/0/task", "there is no task 'greetings' among the specs")]),
        ([{"task": "greet", "name": "a"}, {"task": "greet", "name": "a"}], [("/1/name", "'a' is there more than once")]),
        ([{"task": "greet", "nb_instances": 11, "nb_retries": -1, "retry_delay": 1.5, "on_failure": "retry"}], [("/0/on_failure", "must be abort or continue"), ("/0/nb_instances", "must be from 1 to 10"), ("/0/nb_retries", "must be from 0 to 100"), ("/0/retry_delay", "must be an integer")]),
        ([{"task": "greet", "dependencies": ["greet"]}], [("/0/dependencies/0", "no entry of this pipeline has the `name` 'greet'")]),
        ([{"task": "greet", "name": "a", "dependencies": ["a"]}], [("/0/dependencies/0", "a task can't depend on itself")]),
        ([{"task": "greet", "name": "a"}, {"task": "greet", "dependencies": ["a", "a"]}], [("/1/dependencies/1", "'a' is there more than once")]),
        ([{"task": "typed"}], [("/0/parameters", "parameter 'n' is missing: it has no default")]),
        ([{"task": "typed", "parameters": {"n": None}}], [("/0/parameters", "parameter 'n' is missing: it has no default")]),
        ([{"task": "typed", "parameters": {"n": "x", "m": 1}}], [("/0/parameters/n", "must be an integer"), ("/0/parameters", "there is no parameter 'm'")]),
        ([{"task": "greet", "parameters": []}], [("/0/parameters", "must be a JSON object")]),
    ],
)  # fmt: skip
def test_what_is_no_pipeline_task(tasks, expected):
    typed = task("typed", parameters=[{"name": "n", "type": "integer"}])

    assert problems(task(), typed, pipeline("greetings", *tasks)) == [
        (f"/specs/2/data/tasks{pointer}", reason) for pointer, reason in expected
    ]


@pytest.mark.parametrize(
    "data, pointer, reason",
    [
        ({"tasks": []}, "/tasks", "must have at least 1 element"),
        ({"tasks": [{"task": "greet"}] * 1001}, "/tasks", "must have at most 1000 elements"),
        ({"retention": 0}, "/retention", "must be from 1 to 36500"),
        ({"concurrent": "yes"}, "/concurrent", "must be true or false"),
    ],
)
def test_what_is_no_pipeline(data, pointer, reason):
    assert problems(task(), pipeline(**data)) == [(f"/specs/1/data{pointer}", reason)]


def graph(**needs: str) -> dict[str, Any]:
    return pipeline("greetings", *({"name": n, "task": "greet", "dependencies": [*d]} for n, d in needs.items()))


@pytest.mark.parametrize(
    "needs, round_about",
    [
        ({"a": "b", "b": "a"}, [0, 1]),
        ({"a": "", "b": "ad", "c": "b", "d": "c", "e": "d"}, [1, 2, 3]),
        ({"a": "b", "b": "a", "c": "", "d": "e", "e": "d"}, [0, 1, 3, 4]),
    ],
)
def test_dependencies_that_go_round_are_all_told(needs, round_about):
    assert problems(task(), graph(**needs)) == [
        (f"/specs/1/data/tasks/{index}/dependencies", "the dependencies form a circle") for index in round_about
    ]


def test_dependencies_that_only_meet_again_are_fine():
    assert kept(task(), graph(a="", b="a", c="a", d="bc", e="ad"))


def test_order_of_the_specs_is_no_matter():
    assert kept(*reversed(whole())) == [*reversed(kept(*whole()))]


def test_task_and_command_may_share_a_name_but_two_tasks_may_not():
    assert kept(task("x"), pipeline("greetings", {"task": "x"}), command("x"))
    assert problems(task("x"), task("y"), task("x")) == [("/specs/2/name", "spec 0 is a task of the same name")]


def test_every_problem_of_every_spec_is_told_in_order():
    """And a spec with problems is not unknown to those that name it."""
    found = problems(
        trigger(pipelines=["greetings", "no"]),
        task(steps=[{}]),
        None,
        pipeline("greetings", {"task": "greet", "parameters": {"n": 1}}, concurrent=1),
        command(parameters={}),
    )

    assert found == [
        ("/specs/0/data/pipelines/1", "there is no pipeline 'no' among the specs"),
        ("/specs/1/data/steps/0", "one of the members 'code', 'command' and 'source' is missing"),
        ("/specs/2", "must be a JSON object"),
        ("/specs/3/data/concurrent", "must be true or false"),
        ("/specs/3/data/tasks/0/parameters", "there is no parameter 'n'"),
        ("/specs/4/data/parameters", "must be an array"),
    ]


def test_values_that_hold_themselves_or_too_much_are_refused_quickly():
    circle: list[Any] = []
    circle.append(circle)
    bomb: Any = "ha"
    for _ in range(50):
        bomb = [bomb] * 10
    begin = time.thread_time()

    reason = "must have at most 200000 values (EVENTLANE_MAX_DEPLOYED_VALUES), all specs together"
    assert problems(task(environment=circle)) == problems(task(environment=bomb)) == [("/specs", reason)]
    assert time.thread_time() - begin < 5


@pytest.mark.parametrize(
    "image",
    [
        "python",
        "python:3.13",
        "localhost/a_b:latest",
        "ghcr.io/acme/tool:2",
        "registry.acme.com:5000/team/Tool__x:v1.2-rc",
        f"alpine@sha256:{'0af' * 20}",
        f"localhost:5000/alpine:3@sha256:{'0af' * 20}",
    ],
)
def test_images(image):
    runtime = {"name": "container", "parameters": {"image": image}}

    [spec] = kept(task(runtime=runtime, steps=[{"code": "true"}]))

    assert spec["data"]["runtime"]["parameters"]["image"] == image


@pytest.mark.parametrize(
    "image",
    ["", "--privileged", "-v/:/host", "docker-archive:/etc/image", "docker://alpine", "a b", "a\n", "/etc", "a/", "a:"],
)
def test_what_an_engine_takes_for_something_else_is_no_image(image):
    runtime = {"name": "container", "parameters": {"image": image}}
    extra = {"name": "container", "parameters": {"image": "a", "extra_containers": [{"name": "x", "image": image}]}}

    [(pointer, _)] = problems(task(runtime=runtime, steps=[{"code": "true"}]))
    [(extra_pointer, _)] = problems(task(runtime=extra, steps=[{"code": "true"}]))

    assert pointer == "/specs/0/data/runtime/parameters/image"
    assert extra_pointer == "/specs/0/data/runtime/parameters/extra_containers/0/image"


@pytest.mark.slow
def test_no_body_brings_more_problems_than_memory_has_room_for():
    started = time.thread_time()
    many_specs = problems(*({} for _ in range(150_000)))
    one_array = problems(command(pipelines=[1] * 150_000))
    below_a_long_name = problems(command(**{"x" * 1_000_000: ["\0"] * 100_000}))

    for found in (many_specs, one_array, below_a_long_name):
        assert len(found) == MAX_PROBLEMS + 1
        assert found[-1] == ("", f"there are more than these {MAX_PROBLEMS} problems")
    assert max(len(pointer) for pointer, _ in below_a_long_name) < 300
    assert time.thread_time() - started < 10


def test_hundreds_of_tasks_in_a_row_are_checked_quickly():
    tasks = [{"name": f"t{n}", "task": "greet", "dependencies": [f"t{m}" for m in range(n)]} for n in range(400)]
    begin = time.thread_time()

    kept(task(), pipeline("greetings", *tasks))

    assert time.thread_time() - begin < 5


MEMBERS = st.sampled_from(
    re.findall(
        r"\w+",
        """
        type version name description data connector event parameters filters identity pipelines runtime steps code
        source command tasks task dependencies environment identities path matches is_equal_to values default image
        extra_containers arguments oneshot periodic daily weekly cron rate_limit
    """,
    )
)
WORDS = st.sampled_from(
    re.findall(r"\w+", "task pipeline trigger command greet local none container time tick custom string")
)
NEARLY = st.recursive(
    VALUES | WORDS | st.just(1),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=6),
    max_leaves=20,
)


@pytest.mark.slow
@given(NEARLY | st.lists(NEARLY, max_size=4))
def test_any_json_is_either_kept_or_refused_with_places(specs):
    check_any(specs)


@given(st.data())
def test_any_damage_to_a_good_set_is_either_kept_or_refused_with_places(data):
    specs = [*whole(), timer()]
    spot: Any = specs
    while isinstance(spot, dict | list) and spot:
        holder, key = spot, data.draw(st.sampled_from([*spot] if isinstance(spot, dict) else range(len(spot))))
        spot = spot[key]
        if data.draw(st.booleans()):
            break
    holder[key] = data.draw(NEARLY)

    check_any(specs)


def check_any(specs: Any) -> None:
    try:
        found = check_specs(deepcopy(specs), identities={})
    except InvalidRequestBody as refused:
        assert refused.data["jsv_errors"]
        for problem in refused.data["jsv_errors"]:
            assert problem["reason"]
            places = problem["pointer"].split("/")
            assert places[1] == "specs" and (len(places) == 2 or int(places[2]) < len(specs))
    else:
        assert check_specs(deepcopy(found), identities={}) == found


def test_triggers_of_a_project_are_limited(settings):
    settings.EVENTLANE_MAX_TRIGGERS = 2
    others = [task(), pipeline("deploy", {"task": "greet"})]
    listening = [trigger(name=f"t{number}", pipelines=["deploy"]) for number in range(3)]

    assert len(kept(*others, *listening[:2])) == 4
    assert problems(*others, *listening) == [("/specs/4", "a project may have 2 triggers (EVENTLANE_MAX_TRIGGERS)")]


def test_expressions_of_a_project_are_limited(settings):
    settings.EVENTLANE_MAX_EXPRESSIONS = 3
    others = [task(), pipeline("deploy", {"task": "greet"})]
    filters = [{"path": "/a", "matches": "x", "does_not_match": "y"}, {"path": "/b", "is_equal_to": 1}]
    listening = [trigger(name=f"t{number}", pipelines=["deploy"], filters=filters) for number in range(2)]

    assert len(kept(*others, listening[0])) == 3
    reason = "the triggers of a project may have 3 regular expressions (EVENTLANE_MAX_EXPRESSIONS)"
    assert problems(*others, *listening) == [("/specs/3/data/filters", reason)]


@pytest.mark.parametrize("filters", [[1, None, "x", []], {"a": 1}, 5, [{"path": 1, "matches": 2}], [[]]])
def test_filters_that_are_none_are_refused(filters):
    places = {
        pointer for pointer, _ in problems(task(), pipeline("deploy", {"task": "greet"}), trigger(filters=filters))
    }

    assert places and all(place.startswith("/specs/2/data") for place in places)
