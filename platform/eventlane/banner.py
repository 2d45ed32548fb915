"""What `manage.py up` shows when everything runs: `python -m eventlane.banner URL`, the set-up's report on stdin.

A program of its own, so that the supervisor need not carry rich in memory. On a terminal a box with colours,
else plain lines that a script can read: `<label>  <value>`.
"""

import json
import sys
from typing import Any

LABEL_WIDTH = 12


def rows(url: str, report: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the labels and values to show; secrets are in the report of the first start only."""
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


def plain(url: str, report: dict[str, Any]) -> str:
    """Return the banner for a pipe or a file."""
    lines = ["Eventlane is up", *(f"{label:<{LABEL_WIDTH}} {value}" for label, value in rows(url, report))]
    if report:
        lines += ["Password and keys are shown this once.", "Send an event:", curl(url, report)]
    return "\n".join(lines)


def show(url: str, report: dict[str, Any]) -> None:
    """Draw the banner on a terminal."""
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
        # Not in the box: a line that is to be copied must not be cut by a border.
        console.print(" [yellow]Password and keys are shown this once.[/] Send a first event:\n")
        console.print(curl(url, report), style="cyan", soft_wrap=True, highlight=False, markup=False)
    console.print("\n [dim]Ctrl-C stops everything.[/]\n")


def main() -> None:
    """Show the banner in the way that fits where it goes."""
    url, report = sys.argv[1], json.loads(sys.stdin.read() or "{}")
    if sys.stdout.isatty():
        show(url, report)
    else:
        print(plain(url, report))


if __name__ == "__main__":
    main()
