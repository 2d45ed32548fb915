"""Turn DRF's validation errors into a list of places and reasons (docs/api/v0.md, section 2.1).

For a missing or unknown member, the pointer names the object; for a bad value, the value itself.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from rest_framework.settings import api_settings

from eventlane.json_pointer import escape
from eventlane.wire.errors import Problem


def problems_of(detail: Any) -> list[Problem]:
    """Return all problems in the `detail` of a DRF ValidationError, in field order."""
    return list(_walk(detail, ""))


def _walk(detail: Any, pointer: str) -> Iterator[Problem]:
    if isinstance(detail, Mapping):
        for member, below in detail.items():
            yield from _walk_member(member, below, pointer)
    elif isinstance(detail, list):
        for index, below in enumerate(detail):
            # Either a list of errors about one value, or one mapping for each element of a list of objects.
            yield from _walk(below, f"{pointer}/{index}" if isinstance(below, Mapping) else pointer)
    else:
        yield Problem(pointer, _reason(detail))


def _walk_member(member: object, below: Any, pointer: str) -> Iterator[Problem]:
    if member == api_settings.NON_FIELD_ERRORS_KEY:
        yield from _walk(below, pointer)
    elif isinstance(below, list) and [getattr(error, "code", "") for error in below] == ["required"]:
        yield Problem(pointer, f"member '{member}' is missing")
    else:
        yield from _walk(below, f"{pointer}/{escape(member)}")


def _reason(detail: Any) -> str:
    """Return DRF's sentence as a reason: `Not a valid string.` becomes `not a valid string`."""
    text = str(detail).rstrip(".")
    return text[:1].lower() + text[1:]
