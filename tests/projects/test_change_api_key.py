from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from projects.api_keys import issue_api_key, revoke_api_key
from projects.models import ApiKey
from tests.factories import House, make_house

pytestmark = pytest.mark.django_db


@pytest.fixture
def house() -> House:
    """An organization with the key `shippers`."""
    house = make_house("acme", "alice")
    issue_api_key(account=house.admin, name="shippers", rights=["ingest"], project=house.project)
    return house


def change(*words: str) -> tuple[ApiKey, str]:
    """Run the command for `shippers`; return the key and what was said."""
    out = StringIO()
    call_command("change_api_key", *words, stdout=out)
    return ApiKey.objects.get(name="shippers"), out.getvalue()


def test_only_what_is_given_changes(house: House) -> None:
    _, said = change("shippers", "--requests-per-second", "2000", "--bytes-per-second", "0", "--quarantine-after", "5")
    assert "2,000 requests a second, bytes without limit, quarantine after 5 refusals, answers 202" in said
    key, _ = change("shippers", "--answer-200", "yes", "--requests-per-second", "default")
    limits = (key.requests_per_second, key.bytes_per_second, key.quarantine_after, key.answer_200)
    assert limits == (None, 0, 5, True)
    key, said = change(key.pk, "--quarantine-after", "never", "--answer-200", "no")
    assert (key.quarantine_after, key.answer_200) == (None, False)
    assert said.endswith("requests a second as the settings say, bytes without limit, no quarantine, answers 202\n")


def test_key_must_be_clear_and_not_revoked(house: House) -> None:
    first = ApiKey.objects.get(name="shippers")
    second, _ = issue_api_key(account=house.admin, name="shippers", rights=["ingest"], project=house.project)
    with pytest.raises(CommandError, match=f"several API keys 'shippers'; choose from .*{second.prefix}"):
        change("shippers", "--answer-200", "yes")
    call_command("change_api_key", str(second)[len("shippers (") : -1], "--answer-200", "yes", stdout=StringIO())
    assert set(ApiKey.objects.filter(answer_200=True)) == {second}
    revoke_api_key(api_key=first, now=first.creation_time)
    with pytest.raises(CommandError, match="there is no API key"):
        change(first.pk, "--answer-200", "yes")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "say what to change"),
        (["--quarantine-after", "0"], "'0' is not a whole number from 1 to 32767"),
        (["--requests-per-second", "-1"], "'-1' is not a whole number from 0"),
        (["--answer-200", "maybe"], "invalid choice: 'maybe'"),
    ],
)
def test_wrong_words_are_explained(house: House, words: list[str], reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        change("shippers", *words)
