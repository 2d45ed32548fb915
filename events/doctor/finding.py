"""What checks find."""

from dataclasses import dataclass
from pathlib import Path

OK, WARNING, PROBLEM = "ok", "warning", "problem"
SHOWN_FILES = 3


@dataclass(frozen=True)
class Finding:
    """The result of a check. `advice` says what to do about it."""

    check: str
    state: str
    message: str
    advice: str = ""


Result = tuple[str, ...]  # a Finding without the name of its check


def some(files: list[tuple[Path, str]]) -> str:
    """Name the first files, each with its reason, and count the rest."""
    text = ", ".join(f"{path} ({reason})" for path, reason in files[:SHOWN_FILES])
    return text if len(files) <= SHOWN_FILES else f"{text} and {len(files) - SHOWN_FILES:,} more"
