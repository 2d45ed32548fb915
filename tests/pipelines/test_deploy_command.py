"""`manage.py deploy` and `manage.py export`."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from pipelines.models import Resource
from pipelines.resources.deploy import deploy
from pipelines.resources.files import write_folder
from pipelines.resources.saving import save_resource
from projects.models import Organization, Project
from tests.factories import make_house, make_project
from tests.pipelines.resources.samples import command, pipeline, query, task, timer, trigger, whole

pytestmark = pytest.mark.django_db

TASK = """\
type: task
version: 1
name: greet
data:
  runtime: {name: local}
  steps:
    - source: greet.sh
"""
PIPELINE = """\
type: pipeline
version: 1
name: greetings
data:
  tasks: [{task: greet}]
---
type: command
version: 1
name: hello
data: {pipelines: [greetings]}
"""


@pytest.fixture
def project() -> Project:
    return make_project("acme")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "task.yaml").write_text(TASK)
    (tmp_path / "rest.yml").write_text(PIPELINE)
    (tmp_path / "greet.sh").write_text("echo hello\n")
    return tmp_path


def run(name: str, *words: object) -> str:
    """Run a command and return all it said."""
    out = StringIO()
    call_command(name, *map(str, words), stdout=out, stderr=out)
    return out.getvalue()


def refusal(name: str, *words: object) -> str:
    with pytest.raises(CommandError) as refused:
        run(name, *words)
    return str(refused.value)


def test_deploy_of_a_folder(project, folder):
    said = run("deploy", folder)

    assert said == (
        "+ pipeline greetings\n+ command hello\n+ task greet\n"
        "Deployed to project acme: 3 created, 0 updated, 0 deleted, 0 unchanged.\n"
    )
    [step] = project.resources.get(type="task").data["steps"]
    assert step == {"code": "echo hello\n", "source": "greet.sh"}


def test_deploy_shows_what_changed(project, folder):
    run("deploy", folder)
    (folder / "greet.sh").write_text("echo hello\necho world\n")
    (folder / "rest.yml").write_text(PIPELINE.replace("name: hello", "name: hi"))

    said = run("deploy", folder)

    assert said == (
        "  pipeline greetings\n+ command hi\n~ task greet\n"
        "    @@ -11,4 +11,5 @@\n"
        "       steps:\n         - code: |\n             echo hello\n"
        "    +        echo world\n"
        "           source: greet.sh\n"
        "- command hello\n"
        "Deployed to project acme: 1 created, 1 updated, 1 deleted, 1 unchanged.\n"
    )


def test_dry_run(project, folder):
    said = run("deploy", folder, "--dry-run")

    assert "+ task greet\n" in said
    assert said.endswith(
        "Dry run, nothing was changed in project acme: 3 created, 0 updated, 0 deleted, 0 unchanged.\n"
    )
    assert not Resource.objects.exists()


def test_problems_are_told_with_their_places(project, folder):
    deploy(project, [task("old")])
    (folder / "rest.yml").write_text(PIPELINE.replace("greetings]", "greeting]") + "---\n---\ntype: \x1b[31m")
    (folder / "task.yaml").write_text(TASK.replace("version: 1", "version: 2\nvariant: 3"))

    assert refusal("deploy", folder) == (
        "nothing was changed:\nrest.yml: line 13: the character '\\x1b' must be escaped"
    )
    (folder / "rest.yml").write_text(PIPELINE.replace("greetings]", '"\\e[31m"]') + "---\n---\ntype: x\n")
    assert refusal("deploy", folder).splitlines() == [
        "nothing was changed:",
        "rest.yml: document 2, /data/pipelines/0: there is no pipeline '\\x1b[31m' among the specs",
        "rest.yml: document 3: must be a JSON object",
        "rest.yml: document 4, /type: must be trigger, command, pipeline, task, query, dashboard, alert or channel",
        "rest.yml: document 4: member 'version' is missing",
        "rest.yml: document 4: member 'name' is missing",
        "rest.yml: document 4: member 'data' is missing",
        "task.yaml: document 1, /version: must be 1",
        "task.yaml: document 1: member 'variant' is unknown",
    ]
    assert [resource.name for resource in project.resources.all()] == ["old"]


def test_source_that_is_not_there(project, folder):
    (folder / "greet.sh").unlink()

    assert refusal("deploy", folder) == (
        "nothing was changed:\n"
        "task.yaml: document 1, /data/steps/0/source: can't read 'greet.sh': No such file or directory"
    )


def test_folder_without_specs_is_refused(project, tmp_path):
    deploy(project, whole())
    (tmp_path / "a.txt").write_text("x")

    assert refusal("deploy", tmp_path) == f"{tmp_path} has no .yaml or .yml file: deploying it would delete everything"
    assert "No such file" in refusal("deploy", tmp_path / "nowhere")
    assert Resource.objects.count() == 4


def test_project_is_found_by_name_or_id(project, folder):
    other = Project.objects.create(organization=project.organization, name="other")

    assert "which project?" in refusal("deploy", folder)
    assert "there is no project 'no'; choose from acme (of acme works" in refusal("deploy", folder, "--project", "no")
    run("deploy", folder, "--project", "other")
    assert other.resources.count() == 3 and not project.resources.exists()
    namesake = Project.objects.create(organization=Organization.objects.create(name="beta works"), name="other")
    assert namesake.pk in refusal("deploy", folder, "--project", "other")
    run("deploy", folder, "--project", namesake.pk)
    assert namesake.resources.count() == 3


def test_no_project(db, folder):
    assert refusal("deploy", folder) == "there is no project; `manage.py up` creates the first one"


def test_export_deploys_back_to_the_same(project, tmp_path):
    code = "#!/bin/sh\n\n  echo 'é'\t\n"
    filters = [{"path": "/a~1b", "is_equal_to": None}, {"path": "/n", "is_not_equal_to": 1e23, "matches": "on"}]
    specs = [
        task(steps=[{"code": code, "source": "../../etc/passwd"}], environment={"ON": "on", "DAY": "2026-01-31"}),
        pipeline(retention=3) | {"description": "Two\nlines."},
        command(parameters=[{"name": "n", "type": "number", "default": 1.0}]),
        trigger(filters=filters),
        timer(oneshot="2030-01-31T12:00:00Z"),
        task("hello"),
        command("greet"),
    ]
    deploy(project, specs)
    before = [*Resource.objects.order_by("id").values()]
    folder = tmp_path / "a" / "b"

    assert run("export", folder) == f"Project acme: 7 resources in {folder}.\n"

    assert sorted(str(file.relative_to(folder)) for file in folder.rglob("*.yaml")) == [
        "command/greet.yaml",
        "command/hello.yaml",
        "pipeline/greetings.yaml",
        "task/greet.yaml",
        "task/hello.yaml",
        "trigger/guests.yaml",
        "trigger/nightly.yaml",
    ]
    assert "0 created, 0 updated, 0 deleted, 7 unchanged" in run("deploy", folder)
    assert [*Resource.objects.order_by("id").values()] == before


def test_export_spares_what_is_there_unless_forced(project, tmp_path):
    deploy(project, whole())
    run("export", tmp_path)
    mine, stale = tmp_path / "task" / "greet.yaml", tmp_path / "task" / "stale.yaml"
    mine.write_text("mine")
    stale.write_text("stale")

    assert refusal("export", tmp_path) == f"{tmp_path} isn't empty; --force overwrites its files"
    assert mine.read_text() == "mine"
    assert run("export", tmp_path, "--force") == (
        f"{stale} is not from this export, but `deploy` would read it, too\nProject acme: 4 resources in {tmp_path}.\n"
    )
    assert mine.read_text().startswith("type: task\n") and stale.read_text() == "stale"


def test_export_to_where_it_can_not_write(project, tmp_path):
    (tmp_path / "file").write_text("")

    assert refusal("export", tmp_path / "file") == f"{tmp_path / 'file'}: File exists"
    assert "Not a directory" in refusal("export", tmp_path / "file" / "below")


def test_what_people_saved_is_left_alone_or_taken_over_and_exported_on_request(tmp_path):
    house = make_house("acme", "alice")
    for name in ("mine", "ours"):
        save_resource(house.project, query(name), account=house.admin)
    deployed = tmp_path / "deployed"
    write_folder(deployed, [task(), query("ours")])

    said = run("deploy", deployed, "--dry-run")

    assert said == (
        "  query mine (saved by alice@example.com)\n+ task greet\n"
        "~ query ours (saved by alice@example.com; deployments own it from now on)\n"
        "Dry run, nothing was changed in project acme-project: "
        "1 created, 1 updated, 0 deleted, 0 unchanged; 1 that people saved left alone.\n"
    )
    run("deploy", deployed)
    alone, whole = tmp_path / "alone", tmp_path / "whole"
    assert run("export", alone).endswith("Left out: 1 that people saved (--saved exports them, too).\n")
    assert run("export", whole, "--saved").endswith(f"3 resources in {whole}.\n")
    assert (whole / "query" / "mine.yaml").exists() and not (alone / "query" / "mine.yaml").exists()
