from django.db import models


class LoginFailure(models.Model):
    """A failed login. `account` is a digest: people type passwords into the wrong field."""

    account = models.CharField(max_length=64)
    address = models.CharField(max_length=64)
    time = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["account", "time"], name="login_failure_by_account"),
            models.Index(fields=["address", "time"], name="login_failure_by_address"),
            models.Index(fields=["time"], name="login_failure_by_time"),
        ]

    def __str__(self) -> str:
        return f"failed login from {self.address}"
