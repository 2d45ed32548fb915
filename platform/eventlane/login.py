"""The console's login: its form, the reply after too many wrong passwords, and known browsers.

Someone who guesses an account's password uses up its attempts and could lock its owner out. A browser that has
logged in to the account before therefore has its own attempts: it sends a cookie that only this server can make.
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
    from django.contrib.auth.models import _User  # for mypy, the class that AUTH_USER_MODEL names

BROWSER_COOKIE = "eventlane_browser"
BROWSER_SECONDS = 180 * 24 * 3600
TOO_MANY_REQUESTS = 429


def account_of(request: HttpRequest) -> "_User":
    """Return the logged-in account, for pages that need one; raise PermissionDenied without one."""
    if not request.user.is_authenticated:
        raise PermissionDenied
    return request.user


class LoginForm(AuthenticationForm):
    """Unfold's form, with messages for logins that are e-mail addresses in any case."""

    error_messages = {
        "invalid_login": "The e-mail address or the password is wrong.",
        "inactive": "This account is disabled.",
        "too_many": "Too many wrong passwords. Try again in %(minutes)s min.",
    }

    def get_invalid_login_error(self) -> Exception:
        """Say when to try again, if that is the reason."""
        error = super().get_invalid_login_error()
        if seconds := getattr(self.request, "login_wait_seconds", 0):
            error = type(error)(
                self.error_messages["too_many"], code="too_many", params={"minutes": ceil(seconds / 60)}
            )
        return error


def finish_login(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Remember the browser after a login; reply with 429 after too many wrong passwords."""
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
    """Return a name for the request's browser if it has logged in to the account before, or an empty text."""
    nonce, _, signature = request.COOKIES.get(BROWSER_COOKIE, "").partition(".")
    return nonce if constant_time_compare(signature, _signature(nonce, username)) else ""


def _signature(nonce: str, username: str) -> str:
    return salted_hmac(BROWSER_COOKIE, f"{nonce} {username.lower()}", algorithm="sha256").hexdigest()
