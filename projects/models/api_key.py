from datetime import datetime

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from eventlane.fields import IdField
from projects.models.account import Account
from projects.models.organization import Organization
from projects.models.project import Project

RIGHTS = ("ingest", "read", "write", "deploy")
READING = ("read", "write", "deploy")  # changing something requires seeing it


class ApiKey(models.Model):
    """A program's credential. The secret is never stored, only its SHA-256 and its first characters."""

    id = IdField()
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="api_keys")
    account = models.ForeignKey(
        Account, models.CASCADE, related_name="api_keys", help_text="The account the key acts for."
    )
    project = models.ForeignKey(
        Project,
        models.CASCADE,
        related_name="api_keys",
        null=True,
        blank=True,
        help_text="Limits the key to one project. If empty, it works for all of the organization. Required to ingest.",
    )
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    ingest = models.BooleanField(default=False, help_text="Send events.")
    read = models.BooleanField(default=False, help_text="Read everything through the platform API.")
    write = models.BooleanField(
        default=False,
        help_text="Read, start and stop pipelines, and manage keys and datasets through the platform API.",
    )
    deploy = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Read, and change resources and identities through the platform API. That decides what runs.",
    )
    answer_200 = models.BooleanField(
        "answer 200",
        default=False,
        db_default=False,
        help_text="Answer 200 instead of 202 to accepted events: winston's HTTP transport takes only that for success.",
    )
    requests_per_second = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="Requests with events that are taken a second. If empty, as the server's settings say; 0: no limit.",
    )
    bytes_per_second = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        help_text="Bytes of their bodies, as sent. If empty, as the server's settings say; 0: no limit.",
    )
    quarantine_after = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="When the same events were refused so many times, put them into quarantine and answer as if they were"
        " accepted, so that what is behind them gets through. If empty, they are refused each time.",
    )
    creation_time = models.DateTimeField(default=timezone.now, editable=False)
    expiration_time = models.DateTimeField(null=True, blank=True, help_text="If empty, the key doesn't expire.")
    revocation_time = models.DateTimeField(null=True, blank=True, editable=False)
    last_use_time = models.DateTimeField(null=True, blank=True, editable=False)
    # RESTRICT: it must always be possible to find everything that a leaked key created.
    created_by_key = models.ForeignKey(
        "self",
        models.RESTRICT,
        related_name="created_keys",
        null=True,
        blank=True,
        editable=False,
        help_text="The key that created this one through the platform API.",
    )
    replaced_by = models.OneToOneField(
        "self", models.SET_NULL, related_name="replaces", null=True, blank=True, editable=False
    )
    secret: str  # only of a key just created in the console, for its page; not a column

    class Meta:
        verbose_name = "API key"
        indexes = [
            models.Index(fields=["organization", "id"], name="api_key_by_id"),
            models.Index(fields=["organization", "name", "id"], name="api_key_by_name"),
            models.Index(fields=["project", "id"], name="api_key_by_project_id"),
            models.Index(fields=["project", "name", "id"], name="api_key_by_project_name"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(ingest=False) | Q(project__isnull=False), name="ingest_key_has_project"),
            models.CheckConstraint(
                condition=Q(ingest=True) | Q(read=True) | Q(write=True) | Q(deploy=True), name="api_key_has_a_right"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def rights(self) -> list[str]:
        """The names of its rights, in the order of RIGHTS."""
        return [right for right in RIGHTS if getattr(self, right)]

    def may(self, right: str) -> bool:
        """Return whether its rights permit something; the rights to change things include reading."""
        return any(getattr(self, one) for one in (READING if right == "read" else (right,)))

    def status(self, now: datetime) -> str:
        """Return `revoked`, `expired` or `active`."""
        if self.revocation_time:
            return "revoked"
        return "expired" if self.expiration_time and self.expiration_time <= now else "active"
