"""The caller's organization (docs/api/v0.md, section 2.4)."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from eventlane.api.serializers import Representation, TimeField
from projects.api.viewsets import OrganizationObjectViewSet
from projects.models import Organization


class OrganizationRepresentation(Representation):
    """An organization as its members see it."""

    id = serializers.CharField()
    name = serializers.CharField()
    address = serializers.CharField()
    postal_code = serializers.CharField()
    city = serializers.CharField()
    country = serializers.CharField()
    creation_time = TimeField()
    disabled = serializers.BooleanField()
    contact_email_address = serializers.CharField()
    non_essential_mail_opt_in = serializers.BooleanField()
    vat_id_number = serializers.SerializerMethodField()

    def get_vat_id_number(self, organization: Organization) -> str | None:
        """Return the number, or None."""
        return organization.vat_id_number or None


class OrganizationViewSet(OrganizationObjectViewSet):
    """The organization of the calling key."""

    serializer_class = OrganizationRepresentation

    def retrieve(self, request: Request) -> Response:
        """Return the organization."""
        return Response(self.show(self.api_key.organization))
