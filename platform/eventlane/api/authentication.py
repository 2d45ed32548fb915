"""API key authentication for DRF. The header is read here; the app that has the keys looks up the key."""

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from eventlane.wire.credentials import bearer_token, x_api_key
from eventlane.wire.errors import AuthenticationRequired


class KeyAuthentication(BaseAuthentication):
    """Sets the request's user to the key's account, and its `auth` to the key."""

    def authenticate(self, request: Request) -> tuple[Any, Any]:
        """Return the account and the key, or raise: there are no anonymous requests."""
        secret = self.read_secret(request)
        if not secret:
            raise AuthenticationRequired(*self.missing)
        return self.find(secret)

    missing: tuple[str, str]  # message and challenge

    def read_secret(self, request: Request) -> str:
        """Return the secret in the request's header, or an empty string."""
        raise NotImplementedError

    def find(self, secret: str) -> tuple[Any, Any]:
        """Return the account and the key with this secret, or raise an ApiError."""
        raise NotImplementedError


class Bearer(KeyAuthentication):
    """Reads `Authorization: Bearer KEY`, for the platform API."""

    missing = ("This route needs an API key: Authorization: Bearer KEY.", "Bearer")

    def read_secret(self, request: Request) -> str:
        """Return the token of a Bearer Authorization header."""
        return bearer_token(request.META)


class XApiKey(KeyAuthentication):
    """Reads `x-api-key: KEY`, for the Events API."""

    missing = ("This route needs an API key: x-api-key: KEY.", "")

    def read_secret(self, request: Request) -> str:
        """Return the value of the x-api-key header."""
        return x_api_key(request.META)
