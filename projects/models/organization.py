from django.db import models
from django.utils import timezone

from eventlane.fields import IdField


class Organization(models.Model):
    """The wall between tenants: accounts, keys and projects of two organizations never meet."""

    id = IdField()
    name = models.CharField(max_length=100, unique=True)
    creation_time = models.DateTimeField(default=timezone.now, editable=False)
    disabled = models.BooleanField(default=False, help_text="Keys and logins of a disabled organization don't work.")

    address = models.CharField(max_length=200, blank=True)
    postal_code = models.CharField(max_length=20, blank=True)
    city = models.CharField(max_length=100, blank=True)
    country = models.CharField(max_length=100, blank=True)
    contact_email_address = models.EmailField("contact e-mail address", max_length=200, blank=True)
    non_essential_mail_opt_in = models.BooleanField("may be sent mail that isn't essential", default=False)
    vat_id_number = models.CharField("VAT number", max_length=50, blank=True)

    refusals_start_time = models.DateTimeField(null=True, editable=False)  # when counting them began
    refusals = models.PositiveIntegerField(
        default=0, db_default=0, editable=False
    )  # of names that other organizations have

    def __str__(self) -> str:
        return self.name
