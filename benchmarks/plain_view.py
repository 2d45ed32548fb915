"""The baseline for a GET of one project: the plainest DRF view that does the same work.

Stock authentication, serializer, permission and renderer, the same two queries, no middleware.
"""

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import path

from eventlane import settings as ours

settings.configure(
    **{name: getattr(ours, name) for name in dir(ours) if name.isupper()}
    | {"ROOT_URLCONF": __name__, "MIDDLEWARE": [], "REST_FRAMEWORK": {"UNAUTHENTICATED_USER": None}, "DEBUG": False}
)
django.setup()

from rest_framework.authentication import TokenAuthentication  # noqa: E402
from rest_framework.exceptions import AuthenticationFailed  # noqa: E402
from rest_framework.generics import RetrieveAPIView  # noqa: E402
from rest_framework.permissions import IsAuthenticated  # noqa: E402
from rest_framework.renderers import JSONRenderer  # noqa: E402
from rest_framework.serializers import ModelSerializer  # noqa: E402

from projects.api_keys import digest_of  # noqa: E402
from projects.models import Account, ApiKey, Project  # noqa: E402


class PlainAuthentication(TokenAuthentication):
    """A row in a table of keys, with its account."""

    keyword = "Bearer"

    def authenticate_credentials(self, key: str) -> tuple[Account, ApiKey]:
        """Return the account and the key."""
        try:
            api_key = ApiKey.objects.select_related("account").get(digest=digest_of(key))
        except ApiKey.DoesNotExist:
            raise AuthenticationFailed from None
        return api_key.account, api_key


class ProjectSerializer(ModelSerializer):
    """The members that /v0 shows."""

    class Meta:
        model = Project
        fields = ("id", "organization", "name", "creation_time")


class ProjectView(RetrieveAPIView):
    """A project by its id."""

    queryset = Project.objects.all()
    serializer_class = ProjectSerializer
    authentication_classes = (PlainAuthentication,)
    permission_classes = (IsAuthenticated,)
    renderer_classes = (JSONRenderer,)


urlpatterns = [path("projects/<str:pk>", ProjectView.as_view())]
application = get_wsgi_application()
