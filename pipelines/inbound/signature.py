"""Signatures: a header with `sha256=` and 64 hex digits, the HMAC-SHA256 of the body with the hook's secret."""

import hashlib
import hmac
from collections.abc import Mapping

from eventlane.wire.errors import AuthenticationRequired, PermissionDenied
from pipelines.hooks import hook_secret
from pipelines.models import Hook


def check_signature(hook: Hook, headers: Mapping[str, str], name: str, body: bytes) -> None:
    """Refuse a delivery that isn't signed with the hook's secret in the header `name`."""
    signature = headers.get(name, "").strip()
    if not signature:
        raise AuthenticationRequired(f"The header {name} is missing: sign with the hook's secret.")
    secret = hook_secret(hook)
    if not secret:  # anyone can sign with an empty one
        raise PermissionDenied("This hook has no secret to check signatures with; renew it.")
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), signature.encode(errors="replace")):
        raise PermissionDenied("The signature is wrong: it was made for another body or with another secret.")
