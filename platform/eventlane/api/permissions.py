"""What the rights of a key permit."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from eventlane.wire.errors import PermissionDenied


class RightOfMethod(BasePermission):
    """Requires the right `read` for GET and HEAD and `write` for the rest, unless the view's `rights` say otherwise."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return True, or raise PermissionDenied naming the missing right."""
        right = "read" if request.method in SAFE_METHODS else view.rights.get(view.action, "write")
        api_key: Any = request.auth
        if not api_key.may(right):
            raise PermissionDenied(f"This API key does not have the right to {right}.")
        return True


class Public(BasePermission):
    """Lets everybody in, even without a key."""
