from django.db import models


class DirectoryVersion(models.Model):
    """One row, counted up in the transaction of every change to what the in-process directories remember.

    The triggers of the migrations do the counting, so that bulk updates, cascades and plain SQL count too.
    Web processes ask for it a few times a second and forget what they remembered when it moved.
    """

    version = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="directory_version_one_row")]

    def __str__(self) -> str:
        return f"version {self.version}"
