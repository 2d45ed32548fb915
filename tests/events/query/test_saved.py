"""Saved queries: resources that are deployed like pipelines, and asked by their name."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from eventlane.wire.errors import InvalidRequestBody
from events.query.calculations import OPERATIONS
from pipelines.models import Resource
from pipelines.resources.deploy import deploy
from pipelines.resources.files import read_folder, write_folder
from projects.models import Project
from tests.events.api.conftest import client, node, other_node, project  # noqa: F401  (fixtures)
from tests.events.lake.conftest import Node
from tests.pipelines.resources.samples import query, task
from tests.platform_api import ApiClient


def problems(project: Project, *specs: Any) -> list[tuple[str, str]]:  # noqa: F811
    with pytest.raises(InvalidRequestBody) as raised:
        deploy(project, list(specs))
    return [(one["pointer"], one["reason"]) for one in raised.value.data["jsv_errors"]]


def run(client: ApiClient, name: str = "errors", body: Any = None, status: int = 200) -> Any:  # noqa: F811
    response = client.post(f"/queries/name/{name}/run", body)
    assert response.status_code == status, response.content
    return response.json()


def test_query_is_deployed_with_all_defaults(db: None, project: Project) -> None:  # noqa: F811
    deploy(project, [task(), query()])
    assert Resource.objects.get(type="query").spec == query(**{
        "from": "1h", "to": "now", "time": "event", "filters": [], "having": [], "order_by": [], "others": True,
        "time_zone": "UTC",
    })  # fmt: skip
    deploy(project, [query("other")])
    assert [str(one) for one in Resource.objects.all()] == ["query other"]


def test_every_mistake_is_named_at_its_place(db: None, project: Project) -> None:  # noqa: F811
    search = query(q="level:")
    several = query("several", datasets=[], limit=0, calculations=[{"op": "p42", "path": "x"}], nope=1, before="1.2")
    assert problems(project, task(), search, several, query("none", datasets=None)) == [
        ("/specs/1/data/q", "at character 7: expected a value for level"),
        ("/specs/2/data/before", "a saved query has no cursor"),
        *((f"/specs/2/data/{pointer}", reason) for pointer, reason in [
            ("nope", "unknown member; there is datasets, from, to, time, q, filters, calculations, group_by, having, "
             "order_by, limit, others, granularity, time_zone, before"),
            ("calculations/0/op", f"must be one of {', '.join(OPERATIONS)}"),
            ("datasets", "must name a dataset at least"),
            ("limit", "must be a whole number from 1 to 1000"),
        ]),
        ("/specs/3/data", "member 'datasets' is missing"),
    ]  # fmt: skip


def test_file_is_read_and_written_without_a_change(db: None, project: Project, tmp_path: Any) -> None:  # noqa: F811
    (tmp_path / "errors.yaml").write_text(
        "{type: query, version: 1, name: errors, data: {datasets: [logs], from: 2026-11-01, to: now,"
        " filters: [{path: http.status, op: =, value: 500}, {path: n, op: in, value: [1, no, 9007199254740993]}]}}"
    )
    deploy(project, [document.spec for document in read_folder(tmp_path)])
    spec = Resource.objects.get().spec
    assert spec["data"]["from"] == "2026-11-01"
    assert [one["value"] for one in spec["data"]["filters"]] == [500, [1, "no", 9007199254740993]]
    [written] = write_folder(tmp_path / "out", [spec])
    assert written.relative_to(tmp_path).as_posix() == "out/query/errors.yaml"
    assert deploy(project, [document.spec for document in read_folder(tmp_path / "out")]).unchanged


def test_it_is_asked_by_its_name(node: Node, client: ApiClient, capsys: Any) -> None:  # noqa: F811
    node.write(*(json.dumps({"level": "error", "service": name}) for name in ["api", "api", "web"]), '{"level":"info"}')
    node.seal()
    node.write('{"level":"error","service":"old"}', age=timedelta(hours=3))
    deploy(node.dataset.project, [query(time="received")])
    assert run(client)["rows"] == [["api", 2], ["web", 1]]
    assert run(client, body={"from": "4h", "to": "2h"})["rows"] == [["old", 1]]
    assert run(client, body={"from": None})["rows"] == [["api", 2], ["web", 1]]

    call_command("query", "--saved", "errors", "--csv")
    assert capsys.readouterr().out.splitlines() == ["service,count", "api,2", "web,1"]
    call_command("query", "--saved", "errors", "--from", "4h", "--csv", "--project", "main")
    assert capsys.readouterr().out.splitlines() == ["service,count", "api,2", "old,1", "web,1"]


def test_what_cannot_be_asked_says_why(client: ApiClient, node: Node) -> None:  # noqa: F811
    deploy(node.dataset.project, [query(), query("elsewhere", datasets=["nowhere"])])
    assert run(client, "errors", {"q": "x", "limit": 1}, 400)["data"]["jsv_errors"] == [
        {"pointer": "", "reason": "member 'q' is unknown"},
        {"pointer": "", "reason": "member 'limit' is unknown"},
    ]
    assert run(client, "errors", [], 400)["code"] == "invalid_request_body"
    assert run(client, "errors", {"from": "soon"}, 400)["data"]["jsv_errors"][0]["pointer"] == "/from"
    assert run(client, "elsewhere", None, 404)["data"] == {"dataset": "nowhere"}
    assert run(client, "no-such", None, 404)["code"] == "unknown_resource"
    client.post(f"/resources/id/{Resource.objects.get(name='errors').pk}/disable")
    assert run(client, "errors", None, 400)["code"] == "resource_disabled"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--saved", "errors", "level:info"], "only --from and --to"),
        (["--saved", "errors", "--limit", "5"], "only --from and --to"),
        (["--saved", "no-such"], "there is no saved query no-such in project main"),
        (["--saved", "errors", "--project", "no-such"], "there is no project 'no-such'"),
        (["--saved", "elsewhere"], "there is no dataset nowhere in project"),
        (["level:error"], "Name a dataset with -d, or a saved query with --saved"),
    ],
)
def test_command_says_what_is_wrong(db: None, project: Project, words: list[str], said: str) -> None:  # noqa: F811
    deploy(project, [query(), query("elsewhere", datasets=["nowhere"])])
    with pytest.raises(CommandError) as raised:
        call_command("query", *words)
    assert said in str(raised.value)
