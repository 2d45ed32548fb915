from django.db import models
from django.utils import timezone

from eventlane.fields import IdField


class Organization(models.Model):
    """The wall between tenants: accounts, keys and projects of two organizations never meet."""

    id = IdField()
    name = models.CharField(max_length=100, unique=True)
    creation_time = models.DateTimeField(default=timezone.now, editable=False)
    disabled = models.BooleanField(
        default=False, help_text="Nobody of a disabled organization gets in, by key or login."
    )

    def __str__(self) -> str:
        return self.name
