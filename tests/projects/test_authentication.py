"""Who gets in with which key."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIRequestFactory

from eventlane.wire.errors import ApiError
from projects.api_keys import issue_api_key, revoke_api_key, rotate_api_key
from projects.authentication import BearerAuthentication, XApiKeyAuthentication
from projects.models import ApiKey
from tests.factories import House, make_house

pytestmark = pytest.mark.django_db


@pytest.fixture
def house() -> House:
    return make_house("acme", "alice")


@pytest.fixture
def issued(house: House) -> tuple[ApiKey, str]:
    return issue_api_key(account=house.admin, name="api", rights=["read", "write"])


def code_for(authentication, **headers: str) -> str:
    """Return the error that these headers meet, empty for none."""
    try:
        authentication().authenticate(APIRequestFactory().get("/", headers=headers))
    except ApiError as error:
        return error.code
    return ""


def bearer(secret: str, scheme: str = "Bearer") -> str:
    return code_for(BearerAuthentication, authorization=f"{scheme} {secret}")


def test_bearer_finds_account_and_key(house, issued):
    request = APIRequestFactory().get("/", headers={"authorization": f"Bearer {issued[1]}"})

    assert BearerAuthentication().authenticate(request) == (house.admin, issued[0])


def test_x_api_key_finds_account_and_key(house, issued):
    request = APIRequestFactory().get("/", headers={"x-api-key": issued[1]})

    assert XApiKeyAuthentication().authenticate(request) == (house.admin, issued[0])


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", " Bearer ", "Bearer  "])
def test_scheme_in_any_case(issued, scheme):
    assert bearer(issued[1], scheme) == ""


def test_each_class_reads_its_own_header_only(issued):
    assert code_for(BearerAuthentication, **{"x-api-key": issued[1]}) == "authentication_required"
    assert code_for(XApiKeyAuthentication, authorization=f"Bearer {issued[1]}") == "authentication_required"
    assert code_for(XApiKeyAuthentication, **{"x-api-key": "evl_x"}) == "unknown_api_key"


def test_revoked_key_is_unknown_at_once(issued):
    revoke_api_key(api_key=issued[0], now=timezone.now())

    assert bearer(issued[1]) == "unknown_api_key"


def test_expired_key_is_unknown(issued):
    ApiKey.objects.filter(pk=issued[0].pk).update(expiration_time=timezone.now() - timedelta(seconds=1))

    assert bearer(issued[1]) == "unknown_api_key"


def test_rotated_key_goes_on_beside_its_successor(issued):
    _, secret = rotate_api_key(api_key=issued[0], now=timezone.now())

    assert (bearer(issued[1]), bearer(secret)) == ("", "")


def test_disabled_account(house, issued):
    house.admin.disabled = True
    house.admin.save()

    assert bearer(issued[1]) == "account_disabled"


def test_disabled_organization(house, issued):
    house.organization.disabled = True
    house.organization.save()

    assert bearer(issued[1]) == "organization_disabled"


def test_revoked_key_of_a_disabled_account_is_unknown(house, issued):
    revoke_api_key(api_key=issued[0], now=timezone.now())
    house.admin.disabled = True
    house.admin.save()

    assert bearer(issued[1]) == "unknown_api_key"


def test_last_use_is_written_once_in_a_while(issued, django_assert_num_queries):
    with django_assert_num_queries(2):
        assert bearer(issued[1]) == ""
    issued[0].refresh_from_db()
    assert timezone.now() - issued[0].last_use_time < timedelta(seconds=10)

    with django_assert_num_queries(1):
        assert bearer(issued[1]) == ""
