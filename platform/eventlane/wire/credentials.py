"""Read the secret in a request's headers."""

from collections.abc import Mapping
from typing import Any


def bearer_token(meta: Mapping[str, Any]) -> str:
    """Return the token of `Authorization: Bearer …`, with the scheme in any case, or an empty text."""
    scheme, _, token = meta.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def x_api_key(meta: Mapping[str, Any]) -> str:
    """Return the value of `x-api-key`, or an empty text."""
    return meta.get("HTTP_X_API_KEY", "").strip()
