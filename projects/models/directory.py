from django.db import models


class DirectoryVersion(models.Model):
    """A single row, incremented in the transaction of every change to what directories remember.

    Triggers in the migrations increment it, so bulk updates, cascades and plain SQL count, too.
    Web processes query it a few times a second, and forget what they remembered when it changes.
    """

    version = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="directory_version_one_row")]

    def __str__(self) -> str:
        return f"version {self.version}"
