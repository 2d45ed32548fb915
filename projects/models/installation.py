from django.db import models


class Installation(models.Model):
    """A single row: the id in the marks of home, journal and lake, so that no others are mistaken for them."""

    id = models.CharField(primary_key=True, max_length=27)
    row = models.PositiveSmallIntegerField(default=1, unique=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(row=1), name="installation_one_row")]

    def __str__(self) -> str:
        return self.id


class Node(models.Model):
    """A node's home at its last start: a copied home has the same node, and must not run beside the original."""

    name = models.TextField(primary_key=True)
    host = models.TextField()
    home = models.TextField()

    def __str__(self) -> str:
        return self.name
