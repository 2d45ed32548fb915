from django.db import models
from django.utils import timezone

from eventlane.fields import IdField
from eventlane.names import MAX_NAME_LENGTH, validate_name
from projects.models.project import Project


class Identity(models.Model):
    """A secret that tasks can name. `encrypted_data` are its fields, encrypted by pipelines/secrets.py."""

    id = IdField()
    project = models.ForeignKey(Project, models.CASCADE, related_name="identities")
    name = models.CharField(max_length=MAX_NAME_LENGTH, validators=[validate_name])
    connector = models.CharField(max_length=100)
    type = models.CharField(max_length=100)
    encrypted_data = models.BinaryField(editable=False)
    creation_time = models.DateTimeField(default=timezone.now, editable=False)
    update_time = models.DateTimeField(default=timezone.now, editable=False)
    last_use_time = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "projects_identity"  # made when these models were part of the app projects
        verbose_name_plural = "identities"
        indexes = [
            models.Index(fields=["project", "id"], name="identity_by_id"),
            models.Index(fields=["project", "name", "id"], name="identity_by_name"),
        ]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="identity_name_once")]

    def __str__(self) -> str:
        return self.name
