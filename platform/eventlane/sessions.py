"""Sessions of the console: the table holds digests of their keys, and they end when nobody uses them.

Whoever reads the table, or a backup of it, gets into no session.
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

KEY_CHARACTERS = 40  # of Django's column; as hexadecimal digits 160 bits
SEEN = "seen"  # in a session: when it was used last, in seconds since 1970, to about a minute
SEEN_SECONDS = 60
BACKGROUND = "X-Background"  # sent with what a page asks by itself: nobody need sit before it


def stored_key(session_key: str) -> str:
    """Return what the table holds of a session's key."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:KEY_CHARACTERS]


class SessionStore(db.SessionStore):
    """Django's, but for the keys in the table."""

    def _get_session_from_db(self) -> Any:
        key = stored_key(self.session_key or "")
        row = self.model.objects.filter(session_key=key, expire_date__gt=timezone.now()).first()
        if row is None:
            self._session_key = None
        return row

    def exists(self, session_key: str) -> bool:
        """Tell whether there is a session with this key."""
        return super().exists(stored_key(session_key))

    def create_model_instance(self, data: Any) -> Any:
        """Return the row of a session."""
        row = super().create_model_instance(data)
        row.session_key = stored_key(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        """End a session, this one unless another is named."""
        if key := session_key or self.session_key:
            super().delete(stored_key(key))


class SessionsInUse:
    """Puts off the end of a session that somebody uses; EVENTLANE_SESSION_IDLE_HOURS after the last use it ends."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request, and save the session once a minute."""
        if settings.SESSION_COOKIE_NAME in request.COOKIES and BACKGROUND not in request.headers:
            try:
                _note_use(request.session)
            except DATABASE_AWAY:
                pass  # the page asks the database too, and says that it is away
        return self._get_response(request)


def _note_use(session: Any) -> None:
    now = int(time.time())
    if SESSION_KEY in session and now - session.get(SEEN, 0) >= SEEN_SECONDS:
        session[SEEN] = now
