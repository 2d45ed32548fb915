"""How far the question is that somebody waits for. Any web process of the node can tell: a small file says it.

The page that asks stays until the answer is there. Its script sets a cookie with a token before it leaves, and asks for
the progress of the question with that token. Without the cookie, nothing is written.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, JsonResponse

from eventlane.login import account_of
from events.query.progress import Tell

COOKIE = "eventlane_asking"
FOLDER = "asking"
_TOKEN = re.compile(r"[0-9a-f]{1,32}")


@contextmanager
def told(request: HttpRequest) -> Iterator[Tell | None]:
    """Give whom to tell how far the request's question is, if anybody wants to know; forget it at the end."""
    token, file = request.COOKIES.get(COOKIE, ""), _file(request)
    if not _TOKEN.fullmatch(token):
        yield None
        return

    def tell(looked_at: int, events: int) -> None:
        with suppress(OSError):  # an answer matters more than how far it is
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file.write_text(f"{token} {looked_at} {events}")

    try:
        yield tell
    finally:
        with suppress(OSError):
            file.unlink()


def explore_progress(request: HttpRequest) -> JsonResponse:
    """Return how far the account's question with the token of the address is; nothing if that isn't known."""
    try:
        token, looked_at, events = _file(request).read_text().split()
    except (OSError, ValueError):  # none, or one that is being written
        return JsonResponse({})
    is_asked = token == request.GET.get("token")
    return JsonResponse({"looked_at": int(looked_at), "events": int(events)} if is_asked else {})


def _file(request: HttpRequest) -> Path:
    """Return the file of the account, which has one: of what it asks at the same time, the latest is told."""
    return settings.EVENTLANE_HOME / FOLDER / str(account_of(request).pk)
