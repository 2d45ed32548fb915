"""Console sessions: the table contains only digests of their keys, and unused sessions end.

Reading the table or a backup of it therefore doesn't get anyone into a session.
"""

import hashlib
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from eventlane.database import DATABASE_AWAY

KEY_CHARACTERS = 40  # length of Django's column; as hexadecimal digits, 160 bits
SEEN = "seen"  # in a session: time of the last use in seconds since 1970, to about a minute
SEEN_SECONDS = 60
BACKGROUND = "X-Background"  # header of a page's own periodic requests: nobody need be sitting there


def stored_key(session_key: str) -> str:
    """Return what the table stores for a session's key."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:KEY_CHARACTERS]


class SessionStore(db.SessionStore):
    """Django's store, except for the keys in the table."""

    def _get_session_from_db(self) -> Any:
        key = stored_key(self.session_key or "")
        row = self.model.objects.filter(session_key=key, expire_date__gt=timezone.now()).first()
        if row is None:
            self._session_key = None
        return row

    def exists(self, session_key: str) -> bool:
        """Return whether a session has this key."""
        return super().exists(stored_key(session_key))

    def create_model_instance(self, data: Any) -> Any:
        """Return a session's row."""
        row = super().create_model_instance(data)
        row.session_key = stored_key(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        """End a session: the named one, or this one."""
        if key := session_key or self.session_key:
            super().delete(stored_key(key))


class SessionsInUse:
    """Keeps a session alive while somebody uses it. It ends EVENTLANE_SESSION_IDLE_HOURS after its last use."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request, and save the session at most once a minute."""
        if settings.SESSION_COOKIE_NAME in request.COOKIES and BACKGROUND not in request.headers:
            try:
                _note_use(request.session)
            except DATABASE_AWAY:
                pass  # the page queries the database as well, and reports that it is away
        return self._get_response(request)


def _note_use(session: Any) -> None:
    now = int(time.time())
    if SESSION_KEY in session and now - session.get(SEEN, 0) >= SEEN_SECONDS:
        session[SEEN] = now
