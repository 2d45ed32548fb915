from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.utils import timezone

from eventlane.fields import IdField
from projects.models.organization import Organization


class AccountManager(BaseUserManager["Account"]):
    def create_account(self, email: str, password: str, organization: Organization, **fields: Any) -> "Account":
        """Create and return an account with a hashed password; the e-mail address is its login."""
        account = self.model(email=self.normalize_email(email), organization=organization, **fields)
        account.set_password(password)
        account.save(using=self._db)
        return account

    def get_by_natural_key(self, username: str | None) -> "Account":
        """Find an account by its e-mail address, in any case."""
        return self.get(email__iexact=username)


class Account(AbstractBaseUser):
    """A person in one organization. Admins change things; users only look."""

    class Role(models.TextChoices):
        USER = "user", "User"
        ADMIN = "admin", "Admin"

    id = IdField()
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="accounts")
    email = models.EmailField("e-mail address", max_length=200, unique=True)
    name = models.CharField(max_length=50, blank=True)
    role = models.CharField(
        max_length=10,
        choices=Role,
        default=Role.USER,
        help_text="Admins manage keys, datasets, projects and accounts. Users view everything and run pipelines.",
    )
    creation_time = models.DateTimeField(default=timezone.now, editable=False)
    disabled = models.BooleanField(
        default=False, help_text="A disabled account can't log in and its keys stop working."
    )

    # Part of what password links are signed with: a new value invalidates earlier links.
    password_link_mark = models.CharField(max_length=32, default="", db_default="", blank=True, editable=False)
    settings = models.JSONField(default=dict, blank=True, editable=False)
    last_project = models.ForeignKey(
        "projects.Project", models.SET_NULL, related_name="+", null=True, blank=True, editable=False
    )

    asked_by: HttpRequest  # who opened the console page about this account; not a column

    objects = AccountManager()

    USERNAME_FIELD = "email"

    class Meta:
        indexes = [
            models.Index(fields=["organization", "id"], name="account_by_id"),
            models.Index(fields=["organization", "name", "id"], name="account_by_name"),
            models.Index(fields=["organization", "email", "id"], name="account_by_email"),
        ]
        constraints = [models.UniqueConstraint(Lower("email"), name="account_email_once")]

    def __str__(self) -> str:
        return self.email

    @property
    def is_active(self) -> bool:  # type: ignore[override]  # derived from other columns, so nobody sets it
        """Django's word for "may log in"."""
        return not (self.disabled or self.organization.disabled)

    @property
    def is_staff(self) -> bool:
        """Every account may open the console, where it sees only its own organization."""
        return self.is_active

    @property
    def is_superuser(self) -> bool:
        """Nobody is above the walls between organizations."""
        return False

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Admins may do anything within their organization; users may look."""
        if not self.is_active:
            return False
        return self.role == self.Role.ADMIN or perm.partition(".")[2].startswith("view_")

    def has_perms(self, perm_list: list[str], obj: object = None) -> bool:
        """Return whether the account has all of these permissions."""
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        """Return whether the console shows the app at all."""
        return self.is_active
