from django.db import models


class Installation(models.Model):
    """One row: the id that home, journal and lake are marked with, too, so that no others are taken for them."""

    id = models.CharField(primary_key=True, max_length=27)
    row = models.PositiveSmallIntegerField(default=1, unique=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(row=1), name="installation_one_row")]

    def __str__(self) -> str:
        return self.id


class Node(models.Model):
    """Where a node's home was at its last start: a copied home has the same node, and mustn't run beside it."""

    name = models.TextField(primary_key=True)
    host = models.TextField()
    home = models.TextField()

    def __str__(self) -> str:
        return self.name
