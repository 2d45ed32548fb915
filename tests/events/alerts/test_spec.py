"""What an alert may say, and where its mistakes are reported."""

from typing import Any

from events.query.body import MEMBERS
from pipelines.models import Resource
from pipelines.resources.deploy import deploy
from projects.models import Project
from tests.events.alerts.conftest import COUNT_ERRORS
from tests.events.lake.conftest import project  # noqa: F401  (fixture)
from tests.events.query.test_saved import problems
from tests.pipelines.resources.samples import alert, channel, query


def test_it_is_deployed_with_all_defaults(db: None, project: Project) -> None:  # noqa: F811
    deploy(project, [alert(threshold=" >=2.5 ", frequency=None)])
    assert Resource.objects.get().data == {
        "query": COUNT_ERRORS | {"time": "received", "calculations": [{"op": "count"}]},
        "threshold": ">= 2.5", "window": "5m", "frequency": "1m", "channels": [],
        "pipelines": [],
    }  # fmt: skip


def test_every_mistake_is_named_at_its_place(db: None, project: Project) -> None:  # noqa: F811
    def of(**data: Any) -> list[tuple[str, str]]:
        found = problems(project, query("errors"), alert(**data))
        return [(pointer.removeprefix("/specs/1/data"), reason) for pointer, reason in found]

    assert of(query="none", pipelines=["p"]) == [
        ("/pipelines/0", "there is no pipeline 'p' among the specs"),
    ]
    assert of(query=COUNT_ERRORS | {"from": "1h", "q": "level:", "nope": 1}) == [
        ("/query/from", "is the alert's own: it has a window, and looks at all groups"),
        ("/query/nope", f"unknown member; there is {', '.join(MEMBERS)}"),
        ("/query/q", "at character 7: expected a value for level"),
    ]
    assert of(threshold="many") == [("/threshold", "must be one of > >= < <= = != and a number, like '> 5'")]
    assert of(threshold=None) == [("", "one of the members 'threshold' and 'no_data' is missing")]
    assert of(window="1s", frequency="soon")[0] == ("/window", "must be from 10s to 90d")
    assert of(calculation="p95(x)") == [("/calculation", "must be the name of a calculation: count")]


def test_mistakes_of_channels_are_named_at_their_place(db: None, project: Project) -> None:  # noqa: F811
    def of(**data: Any) -> list[tuple[str, str]]:
        found = problems(project, channel(**data))
        return [(pointer.removeprefix("/specs/0/data"), reason) for pointer, reason in found]

    assert of(to=["a@b.example"]) == [("", "member 'kind' is missing")]
    assert of(kind="fax") == [("/kind", "must be apprise, email, slack or webhook")]
    assert of(kind="email", to=["nobody"], url="x") == [
        ("/to/0", "must be an e-mail address"),
        ("", "member 'url' is unknown"),
    ]
    assert of(kind="slack", identity="none") == [("/identity", "the project has no identity 'none'")]
    assert of(kind="webhook", url="ftp://a")[0] == ("/url", "must begin with https:// or http://, and name a host")
    assert of(kind="webhook", url="https://me:secret@host/")[0] == ("/url", "must not have a login before the host")
    assert of(kind="webhook", url="https://host/a b\r\nX: y")[0][0] == "/url"
    for host in ("10.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "0x7f000001", "127.1"):
        [(pointer, reason)] = of(kind="webhook", url=f"http://{host}:8080/")
        assert pointer == "/url" and "is not a public address; EVENTLANE_ALERT_TARGETS" in reason


def test_project_has_so_many_alerts(db: None, project: Project, settings: Any) -> None:  # noqa: F811
    settings.EVENTLANE_MAX_ALERTS = 2
    deploy(project, [alert("a"), alert("b"), query("c")])
    assert problems(project, alert("a"), alert("b"), alert("c")) == [
        ("/specs/2", "a project may have 2 alerts (EVENTLANE_MAX_ALERTS)")
    ]
