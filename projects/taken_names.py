"""Names that are unique on the whole server. Refusing one tells an admin that another organization has it.

Logins are such names, so this can't be hidden from someone who tries. It is made slow instead: after too many refusals,
nothing is looked up for the organization for a while, and the log names it.
"""

import logging
from math import ceil

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from projects.models import Organization
from projects.windows import Window

logger = logging.getLogger(__name__)
REFUSALS = Window(Organization, "refusals_start_time", "refusals")


def refuse_while_guessing(organization_id: str) -> None:
    """Raise ValidationError while an organization has been refused too many names."""
    organization = Organization.objects.get(pk=organization_id)
    seconds = REFUSALS.seconds_to_wait(organization, settings.EVENTLANE_TAKEN_NAME_RATE, timezone.now())
    if seconds:
        raise ValidationError(f"Too many names were refused. Try again in {ceil(seconds / 60)} minutes.")


def refuse_taken(organization_id: str, noun: str) -> None:
    """Count and log that a name belongs to another organization; raise ValidationError."""
    organization = Organization.objects.get(pk=organization_id)
    REFUSALS.take(organization, settings.EVENTLANE_TAKEN_NAME_RATE, timezone.now())
    logger.warning("refused organization %s the %s of another one", organization_id, noun)
    raise ValidationError(f"This {noun} can't be used here.")
