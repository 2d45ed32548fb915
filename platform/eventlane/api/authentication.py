"""API keys as DRF authenticates: the header is read here, the key is found by whoever knows the keys."""

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from eventlane.wire.credentials import bearer_token, x_api_key
from eventlane.wire.errors import AuthenticationRequired


class KeyAuthentication(BaseAuthentication):
    """The request's user is the key's account, its `auth` the key."""

    def authenticate(self, request: Request) -> tuple[Any, Any]:
        """Return account and key, or raise: there are no anonymous requests."""
        secret = self.read_secret(request)
        if not secret:
            raise AuthenticationRequired(*self.missing)
        return self.find(secret)

    missing: tuple[str, str]  # message and challenge

    def read_secret(self, request: Request) -> str:
        """Return the secret that the request shows, empty for none."""
        raise NotImplementedError

    def find(self, secret: str) -> tuple[Any, Any]:
        """Return the account and the key with this secret, or raise an ApiError."""
        raise NotImplementedError


class Bearer(KeyAuthentication):
    """`Authorization: Bearer KEY`, of the platform API."""

    missing = ("This route needs an API key: Authorization: Bearer KEY.", "Bearer")

    def read_secret(self, request: Request) -> str:
        """Return the token of a Bearer Authorization."""
        return bearer_token(request.META)


class XApiKey(KeyAuthentication):
    """`x-api-key: KEY`, of the Events API."""

    missing = ("This route needs an API key: x-api-key: KEY.", "")

    def read_secret(self, request: Request) -> str:
        """Return the value of x-api-key."""
        return x_api_key(request.META)
