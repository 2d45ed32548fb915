"""The platform's name rule (docs/api/v0.md, section 3)."""

import re

from django.core.validators import RegexValidator

MAX_NAME_LENGTH = 100
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")

validate_name = RegexValidator(
    rf"\A{NAME.pattern}\Z",
    "Use 1 to 100 lower case letters, digits, '-' and '_', starting with a letter or digit.",
)


def is_name(text: str) -> bool:
    """Return whether `text` is a valid name for a project or a dataset."""
    return NAME.fullmatch(text) is not None
