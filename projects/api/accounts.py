"""The people of the organization (docs/api/v0.md, section 2.5)."""

from datetime import datetime

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from eventlane.api.serializers import Representation, TimeField
from eventlane.api.sources import by_text
from projects.access import accounts_of, get_account
from projects.api.viewsets import OrganizationObjectViewSet
from projects.models import Account


class AccountRepresentation(Representation):
    """An account as the members of its organization see it."""

    id = serializers.CharField()
    org_id = serializers.CharField(source="organization_id")
    creation_time = TimeField()
    disabled = serializers.BooleanField()
    email_address = serializers.CharField(source="email")
    name = serializers.SerializerMethodField()
    role = serializers.ChoiceField(choices=Account.Role.values)
    last_login_time = serializers.SerializerMethodField()
    last_project_id = serializers.CharField(required=False)
    settings = serializers.DictField()

    def get_name(self, account: Account) -> str | None:
        """Return the name, or None: the contract wants 1 to 50 characters, or no name."""
        return account.name or None

    def get_last_login_time(self, account: Account) -> str:
        """Return the last login, or before the first one the creation: a published client insists on a date."""
        moment: datetime = account.last_login or account.creation_time
        return TimeField().to_representation(moment)


class AccountsViewSet(OrganizationObjectViewSet):
    """The accounts of the organization. They are created and changed in the console."""

    serializer_class = AccountRepresentation
    sorts = {"name": by_text("name"), "email_address": by_text("email")}

    def current(self, request: Request) -> Response:
        """Return the account that the key acts for."""
        return Response(self.show(self.account))

    def list(self, request: Request) -> Response:
        """Return a page of accounts."""
        return self.page(accounts_of(self.api_key))

    def retrieve(self, request: Request, id: str) -> Response:
        """Return one account."""
        return Response(self.show(get_account(self.api_key, id)))
