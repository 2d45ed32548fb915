"""The house keeps its shape: what may import what, and nothing hides Python's own modules."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from eventlane.configuration import ROOT

PATH = f"{ROOT / 'platform'}{os.pathsep}{ROOT}"


def run(*command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True)


@pytest.mark.slow
def test_imports_point_one_way():
    done = run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache", PYTHONPATH=PATH)

    assert done.returncode == 0, done.stdout + done.stderr


def test_platform_folder_holds_the_django_project_and_nothing_else():
    names = {entry.name for entry in (ROOT / "platform").iterdir()} - {"__pycache__"}

    assert names == {"eventlane"}  # an __init__.py beside it would hide Python's own `platform`


@pytest.mark.parametrize("path", ["", PATH], ids=["from the repository root", "as under the server"])
def test_python_platform_module_is_not_hidden(path):
    done = run(sys.executable, "-c", "import platform; print(platform.system())", PYTHONPATH=path)

    assert done.stdout.strip() == os.uname().sysname, done.stderr


def test_every_test_folder_is_a_package():
    # Without them `import events` would find tests/events.
    folders = {file.parent for file in (ROOT / "tests").rglob("test_*.py")}

    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_scripts_of_pages_are_static_files():
    # A script within a page is one that a content security policy can't tell from an attacker's.
    folders = ("platform", "projects", "pipelines", "events")
    pages = [page for folder in folders for page in (ROOT / folder).rglob("*.html")]

    assert pages and [page for page in pages if re.search(r"<script(?![^>]*\bsrc=)", page.read_text())] == []


def test_supervisor_does_without_django():
    done = run(
        sys.executable, "-c", "import eventlane.supervisor, sys; print('django' in sys.modules)", PYTHONPATH=PATH
    )

    assert done.stdout.strip() == "False", done.stderr


@pytest.mark.django_db
def test_models_and_migrations_say_the_same():
    call_command("makemigrations", "--check", "--dry-run", "--verbosity=0")
