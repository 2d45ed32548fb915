"""What `manage.py up` prints once everything runs: `python -m eventlane.banner URL`, with the set-up's report on stdin.

It is a separate program so that the supervisor needn't keep rich in memory. A terminal gets a box with colours,
anything else plain lines that scripts can read: `<label>  <value>`. Output that isn't a terminal may be a log that
many people can read for a long time: secrets then go to a file only its owner can read, and the output says where.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from eventlane.configuration import read_settings

LABEL_WIDTH = 12
SECRETS_FILE = "first_start"


def rows(url: str, report: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the labels and values to show. Only the first start's report contains secrets."""
    shown = [("console", f"{url}/console/")]
    if not report:
        return shown
    shown.append(("login", report["email"]))
    shown.append(("password", report["password"] or "as set in EVENTLANE_ADMIN_PASSWORD"))
    return shown + [(f"{right} key", secret) for right, secret in report["keys"].items()]


def curl(url: str, report: dict[str, Any]) -> str:
    """Return a command that sends a first event."""
    return (
        f"curl {url}/v1/{report['dataset']}/demo -H 'x-api-key: {report['keys']['ingest']}' "
        """-d '[{"level":"info","message":"Hello, Eventlane"}]'"""
    )


def plain(rows: list[tuple[str, str]]) -> str:
    """Return lines for a pipe or a file."""
    return "\n".join(f"{label:<{LABEL_WIDTH}} {value}" for label, value in rows)


def keep_secrets(text: str) -> str:
    """Write a file in the home that only its owner can read. Return where it is, or what to do if that failed."""
    file: Path = read_settings()["EVENTLANE_HOME"] / SECRETS_FILE
    try:
        file.unlink(missing_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as writer:
            writer.write(f"{text}\n")
    except OSError as error:
        return f"Login and keys can't be written to {file}: {error}; use `manage.py changepassword`, `create_api_key`"
    return f"Login and keys are in {file}: read them, then delete it."


def show(url: str, report: dict[str, Any]) -> None:
    """Print the banner on a terminal."""
    from rich.box import ROUNDED
    from rich.console import Console
    from rich.panel import Panel
    from rich.table import Table

    console = Console()
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(style="bold", overflow="fold")
    for label, value in rows(url, report):
        table.add_row(label, value)
    console.print()
    console.print(Panel(table, title="[bold green]Eventlane is up", box=ROUNDED, expand=False, padding=(1, 2)))
    if report:
        # Outside the box: a border must not break a line that is meant to be copied.
        console.print(" [yellow]Password and keys are shown only once.[/] Send a first event:\n")
        console.print(curl(url, report), style="cyan", soft_wrap=True, highlight=False, markup=False)
    console.print("\n [dim]Ctrl-C stops everything.[/]\n")


def main() -> None:
    """Print the banner in the form that suits the output."""
    url, report = sys.argv[1], json.loads(sys.stdin.read() or "{}")
    if sys.stdout.isatty():
        show(url, report)
    else:
        kept = keep_secrets("\n".join((plain(rows(url, report)), curl(url, report)))) if report else ""
        print("\n".join(filter(None, ("Eventlane is up", plain(rows(url, {})), kept))))


if __name__ == "__main__":
    main()
