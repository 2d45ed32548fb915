"""The console's login: its form, its answer when there were too many wrong passwords, and the browsers it knows.

Whoever guesses at an account uses up its attempts, and would keep its owner out. A browser that logged in to the
account before has attempts of its own: it shows a cookie that only this server can make.
"""

import secrets
from math import ceil
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac
from unfold.forms import AuthenticationForm

if TYPE_CHECKING:
    from django.contrib.auth.models import _User  # for mypy, what AUTH_USER_MODEL names

BROWSER_COOKIE = "eventlane_browser"
BROWSER_SECONDS = 180 * 24 * 3600
TOO_MANY_REQUESTS = 429


def account_of(request: HttpRequest) -> "_User":
    """Return the account that is logged in, for pages that are shown to nobody else; raise PermissionDenied."""
    if not request.user.is_authenticated:
        raise PermissionDenied
    return request.user


class LoginForm(AuthenticationForm):
    """Unfold's form; its messages fit logins that are e-mail addresses, whatever their case."""

    error_messages = {
        "invalid_login": "The e-mail address or the password is wrong.",
        "inactive": "This account is disabled.",
        "too_many": "Too many wrong passwords. Try again in %(minutes)s min.",
    }

    def get_invalid_login_error(self) -> Exception:
        """Say when to try again, where that is why."""
        error = super().get_invalid_login_error()
        if seconds := getattr(self.request, "login_wait_seconds", 0):
            error = type(error)(
                self.error_messages["too_many"], code="too_many", params={"minutes": ceil(seconds / 60)}
            )
        return error


def finish_login(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Remember the browser of who just logged in; answer 429 to who has to wait."""
    if seconds := getattr(request, "login_wait_seconds", 0):
        response.status_code = TOO_MANY_REQUESTS
        response["Retry-After"] = str(ceil(seconds))
    elif request.method == "POST" and request.user.is_authenticated:
        nonce = secrets.token_hex(16)
        response.set_cookie(
            BROWSER_COOKIE,
            f"{nonce}.{_signature(nonce, request.user.get_username())}",
            max_age=BROWSER_SECONDS,
            secure=bool(settings.SESSION_COOKIE_SECURE),
            httponly=True,
            samesite="Lax",
        )
    return response


def known_browser(request: HttpRequest, username: str) -> str:
    """Return a name for the request's browser if it logged in to the account before, else nothing."""
    nonce, _, signature = request.COOKIES.get(BROWSER_COOKIE, "").partition(".")
    return nonce if constant_time_compare(signature, _signature(nonce, username)) else ""


def _signature(nonce: str, username: str) -> str:
    return salted_hmac(BROWSER_COOKIE, f"{nonce} {username.lower()}", algorithm="sha256").hexdigest()
