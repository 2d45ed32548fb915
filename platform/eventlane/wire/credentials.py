"""From a request's headers to the secret that its sender shows."""

from collections.abc import Mapping
from typing import Any


def bearer_token(meta: Mapping[str, Any]) -> str:
    """Return the token of `Authorization: Bearer …`, the scheme in any case; empty when there is none."""
    scheme, _, token = meta.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def x_api_key(meta: Mapping[str, Any]) -> str:
    """Return the value of `x-api-key`; empty when there is none."""
    return meta.get("HTTP_X_API_KEY", "").strip()
