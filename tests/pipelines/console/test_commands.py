"""The console's page of a command: a form for its parameters."""

import re

import pytest
from django.test import Client

from eventlane.wire.errors import Problem
from pipelines.console.command_form import CommandForm
from pipelines.models import CommandExecution, Pipeline, Resource
from pipelines.resources.deploy import deploy
from projects.models import Account
from tests.console import count_queries
from tests.factories import House
from tests.pipelines.console.deployed import FILLED, PARAMETERS, address, deploy_all, text, text_of
from tests.pipelines.resources.samples import command, pipeline, task

LIST = "/console/pipelines/command/"


@pytest.fixture
def hello(acme: House) -> Resource:
    return deploy_all(acme.project)["hello"]


def path(command: Resource, page: str = "change") -> str:
    return address(command, page, model="command")


def errors_of(client: Client, command: Resource, **fields: str) -> dict[str, list[str]]:
    response = client.post(path(command, "execute"), FILLED | fields)
    assert response.status_code == 200
    assert not CommandExecution.objects.exists()
    return {name.removeprefix("parameter-"): errors for name, errors in response.context["form"].errors.items()}


def test_form_has_a_field_for_every_parameter(alice: Client, hello: Resource) -> None:
    page = text(alice, path(hello))
    assert re.findall(r'name="parameter-(\w+)"', page) == [parameter["name"] for parameter in PARAMETERS]
    assert re.search(r'<option value="here" selected>here</option>\s*<option value="there">', page)
    assert re.search(r'type="checkbox"[^>]*name="parameter-loud"[^>]*checked', page)
    assert re.search(r'<select[^>]*name="parameter-sure"', page)
    assert re.search(
        r'type="number"[^>]*name="parameter-times"[^>]*value="3"|value="3"[^>]*name="parameter-times"', page
    )
    assert "Where &lt;b&gt;to&lt;/b&gt;" in page and "<b>to</b>" not in page
    assert page.count('<span class="text-red-600 dark:text-red-500">*</span>') == 2  # note and sure


def test_values_are_what_was_filled_in(bob: Client, bobs_account: Account, hello: Resource) -> None:
    response = bob.post(path(hello, "execute"), FILLED)
    execution = CommandExecution.objects.get()
    assert execution.executor == bobs_account
    assert execution.parameters == {
        "place": "there",
        "note": " hello\nyou ",
        "loud": False,  # a switch that is off isn't sent
        "sure": False,
        "times": 4,
        "share": 2,
    }
    assert isinstance(execution.parameters["share"], int)
    assert response["Location"] == address(Pipeline.objects.get())
    page = text(bob, path(hello))
    assert "bob@example.com" in page and "times=4" in page and address(Pipeline.objects.get()) in page


def test_what_is_left_empty_has_its_default(alice: Client, hello: Resource) -> None:
    alice.post(path(hello, "execute"), FILLED | {"parameter-times": "", "parameter-share": "", "parameter-loud": "on"})
    parameters = CommandExecution.objects.get().parameters
    assert (parameters["times"], parameters["share"], parameters["loud"]) == (3, 0.5, True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("place", "elsewhere"),
        ("note", ""),
        ("sure", ""),
        ("sure", "perhaps"),
        ("times", "4.5"),
        ("times", "many"),
        ("times", "9" * 30),
        ("share", "nan"),
        ("share", "1e999"),
        ("share", "half"),
        ("note", "\0"),
    ],
)
def test_what_does_not_fit_is_said_at_its_field(name: str, value: str, alice: Client, hello: Resource) -> None:
    assert list(errors_of(alice, hello, **{f"parameter-{name}": value})) == [name]


def test_every_problem_is_said_at_once_and_nothing_typed_is_lost(alice: Client, hello: Resource) -> None:
    wrong = {"parameter-place": "elsewhere", "parameter-times": "many", "parameter-note": "keep me"}
    response = alice.post(path(hello, "execute"), FILLED | wrong)
    assert set(response.context["form"].errors) == {"parameter-place", "parameter-times"}
    assert 'value="keep me"' in text_of(response) and 'value="many"' in text_of(response)


def test_what_executing_finds_is_said_at_the_field() -> None:
    form = CommandForm(PARAMETERS, FILLED)
    assert form.is_valid()
    # The command was deployed anew between the look at its parameters and the execution.
    form.tell(
        [Problem("/parameters/times", "must be true or false"), Problem("/parameters", "parameter 'x' is missing")]
    )
    assert form.errors == {
        "parameter-times": ["Must be true or false."],
        "__all__": ["Parameter 'x' is missing."],
    }


def test_disabled_command_says_so(alice: Client, hello: Resource) -> None:
    Resource.objects.filter(pk=hello.pk).update(disabled=True)
    assert "Execute</button>" not in text(alice, path(hello))
    assert errors_of(alice, hello) == {"__all__": ["The command hello is disabled."]}


def test_several_pipelines_are_listed_by_their_event(alice: Client, acme: House) -> None:
    deploy(
        acme.project,
        [
            task(),
            pipeline("one"),
            pipeline("two"),
            command("both", pipelines=["one", "two"]),
            command("none", pipelines=[]),
        ],
    )
    both, none = (Resource.objects.get(name=name) for name in ("both", "none"))
    page = text_of(alice.post(path(both, "execute"), follow=True))
    assert "2 pipelines started." in page and all(address(one) in page for one in Pipeline.objects.all())
    page = text_of(alice.post(path(none, "execute"), follow=True))
    assert "Nothing was started" in page


def test_a_look_executes_nothing(alice: Client, hello: Resource) -> None:
    assert alice.get(path(hello, "execute")).status_code == 302
    assert not CommandExecution.objects.exists()


def test_list_tells_commands_apart(alice: Client, hello: Resource) -> None:
    page = text(alice, LIST)
    assert "place, note, loud, sure, times, share" in page and "plain" in page and "guests" not in page


def test_pages_ask_the_same_number_of_questions_whatever_there_is(alice: Client, acme: House, hello: Resource) -> None:
    plain = Resource.objects.get(name="plain")
    alice.post(path(plain, "execute"))
    few, few_listed = count_queries(alice, path(plain)), count_queries(alice, LIST)
    for _ in range(5):
        alice.post(path(plain, "execute"))
    assert count_queries(alice, path(plain)) == few
    shop = acme.organization.projects.create(name="shop")
    deploy_all(shop)
    assert count_queries(alice, LIST) == few_listed


def test_form_of_no_parameters_is_valid() -> None:
    form = CommandForm([], {})
    assert form.is_valid() and form.values() == {}
