"""What the documents say about settings and commands matches the code."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command, get_commands

from eventlane.configuration import ROOT, SETTINGS

# A citation may go over two lines of a docstring.
CITATION = re.compile(
    r"docs/api/(?P<document>[\w-]+\.md)(,\s+sections?\s+(?P<sections>[\d., ]+(?:(?:to|and) [\d.]+)?))?"
)
SECTION_NUMBER = re.compile(r"\d+(?:\.\d+)*")
OUR_COMMANDS = sorted(
    name for name, app in get_commands().items() if app in ("projects", "pipelines", "events", "eventlane")
)


def printed(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_configuration_page_is_the_table_of_settings() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    assert page == printed("configuration"), "run: python manage.py configuration > docs/configuration.md"
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == [setting.name for setting in SETTINGS]


def test_configuration_page_is_the_same_on_every_machine(tmp_path: Path) -> None:
    page = printed("configuration")
    assert str(ROOT) not in page and str(Path.home()) + "/" not in page
    environment = os.environ | {"EVENTLANE_HOME": str(tmp_path), "EVENTLANE_RETENTION_DAYS": "7"}
    command = [sys.executable, str(ROOT / "manage.py"), "configuration"]
    assert subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout == page


def test_every_command_module_is_a_command_that_django_finds() -> None:
    folders = [
        Path(apps.get_app_config(app).path) / "management" / "commands" for app in ("projects", "pipelines", "events")
    ]
    modules = sorted(file.stem for folder in folders for file in folder.glob("*.py") if file.stem != "__init__")
    assert modules == OUR_COMMANDS


@pytest.mark.parametrize("name", OUR_COMMANDS)
def test_help_of_every_command_has_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command(name, "--help")
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert re.search(rf"Example:[\s\S]*manage\.py\s+{name}\b", text), text


def test_help_shows_our_options_and_names_djangos_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("pipelines", "--help")
    text = capsys.readouterr().out
    assert [line.count("--settings") for line in text.splitlines() if "--settings" in line] == [1]
    assert text.index("--status") < text.index("--settings") and "DJANGO_SETTINGS_MODULE" not in text


def test_readme_has_a_table_of_every_command() -> None:
    readme = (ROOT / "README.md").read_text()
    rows = re.findall(r"^\| `(?:python )?manage\.py (\w+)[^`]*` \|.*\w.*\|$", readme, re.MULTILINE)
    assert sorted(rows) == OUR_COMMANDS


def cited_places() -> Iterator[tuple[str, str, list[str]]]:
    """Yield each citation of docs/api/ in the code: (file, document, what is cited of it)."""
    for file in sorted(ROOT.rglob("*.py")):
        if not file.is_relative_to(ROOT / ".venv"):
            for found in CITATION.finditer(file.read_text()):
                yield str(file.relative_to(ROOT)), found["document"], SECTION_NUMBER.findall(found["sections"] or "")


def test_every_section_that_the_code_cites_exists() -> None:
    cited = list(cited_places())
    assert len(cited) > 50 and sum(len(numbers) for _, _, numbers in cited) > 50
    headings = {path.name: path.read_text() for path in (ROOT / "docs/api").glob("*.md")}
    for file, document, numbers in cited:
        assert document in headings, f"{file} cites docs/api/{document}"
        for number in numbers:
            heading = rf"^#+ {re.escape(number)}\.? "
            assert re.search(heading, headings[document], re.MULTILINE), f"{file} cites section {number} of {document}"
