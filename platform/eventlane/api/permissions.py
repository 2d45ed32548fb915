"""What a key's rights allow."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from eventlane.wire.errors import PermissionDenied


class RightOfMethod(BasePermission):
    """GET and HEAD need the right `read`, everything else `write`, or what the view's `rights` say."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return true, or raise PermissionDenied naming the right that is missing."""
        right = "read" if request.method in SAFE_METHODS else view.rights.get(view.action, "write")
        api_key: Any = request.auth
        if not api_key.may(right):
            raise PermissionDenied(f"This API key does not have the right to {right}.")
        return True


class Public(BasePermission):
    """Anybody may, without a key."""
