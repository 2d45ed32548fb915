"""Secrets at rest, and changing the keys."""

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.core.management.base import CommandError

from eventlane.configuration import ROOT
from pipelines.identities import read_fields
from pipelines.models import Hook, Identity
from pipelines.secrets import BATCH_ROWS, UnreadableSecret, decrypt, encrypt
from projects.models import Project
from tests.factories import make_house, make_identity

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture
def project(db: None) -> Project:
    return make_house("acme", "alice").project


def rotate() -> str:
    out = StringIO()
    call_command("rotate_secrets", stdout=out)
    return out.getvalue()


def test_what_is_encrypted_comes_back():
    cipher = encrypt(b"secret")

    assert b"secret" not in cipher and decrypt(cipher) == b"secret" and encrypt(b"secret") != cipher
    assert decrypt(memoryview(cipher)) == b"secret"


def test_every_key_decrypts_and_the_first_encrypts(settings):
    settings.EVENTLANE_ENCRYPTION_KEYS = [OLD]
    cipher = encrypt(b"secret")
    settings.EVENTLANE_ENCRYPTION_KEYS = [NEW, OLD]
    assert decrypt(cipher) == b"secret" and Fernet(NEW).decrypt(encrypt(b"x")) == b"x"
    settings.EVENTLANE_ENCRYPTION_KEYS = [NEW]
    with pytest.raises(UnreadableSecret):
        decrypt(cipher)
    with pytest.raises(UnreadableSecret):
        decrypt(b"nonsense")


def test_rotation_frees_from_the_old_key(project, settings):
    settings.EVENTLANE_ENCRYPTION_KEYS = [OLD]
    identities = [make_identity(project, f"i{number}", key=f"secret of i{number}") for number in range(3)]
    hook = Hook.objects.create(
        project=project, connector="github", digest="d", encrypted_token=encrypt(b"t"), encrypted_secret=encrypt(b"s")
    )
    bare = Hook.objects.create(project=project, connector="webhook", digest="e", encrypted_token=encrypt(b"u"))
    settings.EVENTLANE_ENCRYPTION_KEYS = [NEW, OLD]
    identities.append(make_identity(project, "new", key="secret of new"))

    assert rotate().splitlines() == [
        "identities: 3 rotated, 1 had the first key already",
        "hooks: 3 rotated, 0 had the first key already",
    ]

    settings.EVENTLANE_ENCRYPTION_KEYS = [NEW]
    for identity in identities:
        identity.refresh_from_db()
        assert read_fields(identity) == {"key": f"secret of {identity.name}"}
    hook.refresh_from_db()
    bare.refresh_from_db()
    assert (decrypt(hook.encrypted_token), decrypt(hook.encrypted_secret)) == (b"t", b"s")
    assert decrypt(bare.encrypted_token) == b"u" and bare.encrypted_secret is None
    assert "0 rotated, 4 had" in rotate()


def test_rotation_goes_through_every_batch(project, settings):
    settings.EVENTLANE_ENCRYPTION_KEYS = [OLD]
    one = make_identity(project, key="secret of a")
    more = [
        Identity(
            project=project, name=f"n{number}", connector="generic", type="api_key", encrypted_data=one.encrypted_data
        )
        for number in range(BATCH_ROWS + 5)
    ]
    Identity.objects.bulk_create(more)
    settings.EVENTLANE_ENCRYPTION_KEYS = [NEW, OLD]

    assert f"identities: {BATCH_ROWS + 6} rotated" in rotate()


def test_unreadable_secrets_are_told_and_kept(project, settings):
    settings.EVENTLANE_ENCRYPTION_KEYS = [OLD]
    lost = make_identity(project, key="secret of a")
    settings.EVENTLANE_ENCRYPTION_KEYS = [NEW]
    make_identity(project, "good", key="secret of good")

    with pytest.raises(CommandError, match="1 can't be decrypted with any key"):
        rotate()

    before = bytes(lost.encrypted_data)
    lost.refresh_from_db()
    assert bytes(lost.encrypted_data) == before


def show_keys(home: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    code = "from django.conf import settings; print(','.join(settings.EVENTLANE_ENCRYPTION_KEYS))"
    environment = os.environ | {"EVENTLANE_HOME": str(home), **settings}
    command = [sys.executable, str(ROOT / "manage.py"), "shell", "-v0", "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@pytest.mark.slow
def test_key_is_made_once_and_kept_for_its_owner(tmp_path):
    first, second = show_keys(tmp_path).stdout, show_keys(tmp_path).stdout

    file = tmp_path / "encryption_key"
    assert first == second and first.strip() == file.read_text() and file.stat().st_mode & 0o777 == 0o600
    file.write_text(f"{NEW}\n{OLD}\n")
    assert show_keys(tmp_path).stdout == f"{NEW},{OLD}\n"
    assert show_keys(tmp_path, EVENTLANE_ENCRYPTION_KEYS=OLD).stdout == f"{OLD}\n"


def test_bad_key_stops_the_start_without_being_shown(tmp_path):
    done = show_keys(tmp_path, EVENTLANE_ENCRYPTION_KEYS=f"{OLD},{NEW[:-2]}")

    assert done.returncode != 0 and "EVENTLANE_ENCRYPTION_KEYS: key 2" in done.stderr
    assert NEW[:20] not in done.stderr and OLD not in done.stderr
