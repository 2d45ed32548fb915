from typing import Any

from django.core.management.base import CommandError

from eventlane.command_line import ExampleCommand
from pipelines.secrets import ENCRYPTED, rotate_secrets


class Command(ExampleCommand):
    help = (
        "Encrypt every stored secret with the first of EVENTLANE_ENCRYPTION_KEYS.\n\n"
        "To change keys: put a new one first (keep the old one behind it), restart everything,\n"
        "run this, then remove the old one. You can stop it and run it again while the platform runs."
    )
    example = """
python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'
python manage.py rotate_secrets
"""

    def handle(self, *args: Any, **options: Any) -> None:
        unreadable = 0
        for model in ENCRYPTED:
            counts = rotate_secrets(model)
            unreadable += counts["unreadable"]
            noun = model._meta.verbose_name_plural
            self.stdout.write(f"{noun}: {counts['rotated']} rotated, {counts['current']} had the first key already")
        if unreadable:
            raise CommandError(f"{unreadable} can't be decrypted with any key, and were left as they are")
