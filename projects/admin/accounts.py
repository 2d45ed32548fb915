"""The console's pages for the people of the organization."""

from typing import TYPE_CHECKING, Any, TypedDict

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import authenticate
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display
from unfold.forms import AdminPasswordChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminPasswordWidget

from eventlane.console import ConsoleAdmin, label, moment, number, public_address, total_of
from eventlane.forms import ModelForm
from eventlane.login import account_of
from eventlane.times import readable_time
from projects.admin.api_keys import in_use
from projects.models import Account, ApiKey, Organization
from projects.password_links import make_password_link
from projects.taken_names import refuse_taken, refuse_while_guessing

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations


class KeyCount(TypedDict):
    """The counts in the list of accounts."""

    keys: int


class EmailForm(ModelForm):
    """The e-mail address is a login for the whole server, in any case."""

    organization_id: str  # set by AccountAdmin.get_form

    def clean_email(self) -> str:
        """Return the normalized address. Refuse one that is taken, naming only accounts of this organization."""
        email = Account.objects.normalize_email(self.cleaned_data["email"])
        if email == self.instance.email:
            return email
        others = Account.objects.filter(email__iexact=email).exclude(pk=self.instance.pk)
        if others.filter(organization_id=self.organization_id).exists():
            raise ValidationError("Your organization has an account with this e-mail address.")
        refuse_while_guessing(self.organization_id)
        if others.exists():
            refuse_taken(self.organization_id, "e-mail address")
        return email


class AccountCreationForm(EmailForm, UserCreationForm):
    """A new account, with its first password or with a link that lets the person set it."""

    usable_password = None

    class Meta:
        model = Account
        fields = ("email", "name", "role")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].required = self.fields["password2"].required = False
        self.fields[
            "password1"
        ].help_text = "If empty, you get a link that lets the person set a password. No e-mail is sent."

    def validate_passwords(self, *names: str) -> None:
        """Accounts without a password, which Django calls unusable, can't be logged in to yet."""
        if not (self.cleaned_data.get("password1") or self.cleaned_data.get("password2")):
            self.cleaned_data["usable_password"] = "false"
        super().validate_passwords(*names)


class AccountForm(EmailForm):
    """Name, role and access of an account."""

    def clean(self) -> dict[str, Any]:
        """Refuse a change that would leave the organization without an admin."""
        super().clean()
        cleaned = self.cleaned_data
        role = cleaned.get("role", self.instance.role)
        disabled = cleaned.get("disabled", self.instance.disabled)
        if (role != Account.Role.ADMIN or disabled) and not has_other_admin(self.instance):
            raise ValidationError("This is the last admin of the organization; make someone else admin first.")
        return cleaned


def has_other_admin(account: Account) -> bool:
    """Return whether another admin of the organization can log in; needs a transaction.

    Locks the organization's row until the transaction ends: if two admins demote each other at the same moment, the
    second one is refused.
    """
    Organization.objects.select_for_update().get(pk=account.organization_id)
    admins = Account.objects.filter(organization_id=account.organization_id, role=Account.Role.ADMIN, disabled=False)
    return admins.exclude(pk=account.pk).exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX).exists()


class OwnPasswordForm(forms.Form):
    """Asks users for their own password before they change another account's access."""

    own_password = forms.CharField(
        label="Your own password",
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
    )
    request: HttpRequest

    def clean_own_password(self) -> str:
        """Refuse a wrong password, with the rate limit of logins: an unattended session must not help to guess it."""
        password = self.cleaned_data["own_password"]
        if authenticate(self.request, username=self.request.user.get_username(), password=password) is None:
            raise ValidationError("That is not your password, or there were too many wrong ones.")
        return password


class AccountPasswordForm(OwnPasswordForm, AdminPasswordChangeForm):
    """A new password for someone else's account. Here, accounts always have a password."""

    field_order = ("own_password", "password1", "password2")

    def __init__(self, user: Account, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)  # type: ignore[arg-type]  # of the second base, which gets it
        self.request = user.asked_by
        self.fields.pop("usable_password", None)


@admin.register(Account)
class AccountAdmin(UserAdmin, ConsoleAdmin):  # type: ignore[misc, type-arg]  # what both define fits; not generic at run time
    """The people of the organization."""

    form = AccountForm
    add_form = AccountCreationForm
    add_form_template = None
    change_password_form = AccountPasswordForm
    change_user_password_template = "projects/set_password.html"
    secret_fields = ("password", "password_link_mark")
    list_display = ("email", "name", "role_label", "state", "key_count", "last_seen", "creation_time")
    list_filter = (("role", ChoicesDropdownFilter), "disabled")
    search_fields = ("email", "name")
    ordering = ("email",)
    totals: Any = {"keys": total_of(ApiKey.objects.all(), "account")}
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("email", "name", "role", "disabled")}),
        ("Activity", {"fields": ("last_login", "creation_time")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "role", "password1", "password2")}),)
    actions_detail = ("password_link", "set_password")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return an account of the organization. It knows who asks: Django's view passes its form nothing else."""
        account = super().get_object(request, object_id, from_field)
        if account:
            account.asked_by = request
        return account

    def get_form(  # type: ignore[override]  # UserAdmin has no `change` either
        self, request: HttpRequest, obj: Account | None = None, **kwargs: Any
    ) -> type[ModelForm]:
        """Return the form for the user's organization."""
        form = super().get_form(request, obj, **kwargs)
        return type(form.__name__, (form,), {"organization_id": account_of(request).organization_id})

    def get_readonly_fields(self, request: HttpRequest, obj: Account | None = None) -> tuple[str, ...]:
        """Let nobody disable or demote themselves."""
        own = ("role", "disabled") if obj and obj.pk == request.user.pk else ()
        return ("last_login", "creation_time", *own)

    def has_delete_permission(self, request: HttpRequest, obj: Account | None = None) -> bool:
        """Let nobody delete themselves, so that at least one admin remains."""
        return super().has_delete_permission(request, obj) and not (obj and obj.pk == request.user.pk)

    def save_model(self, request: HttpRequest, obj: Account, form: ModelForm, change: bool) -> None:
        """Put a new account into the organization of the user who adds it."""
        if not change:
            obj.organization_id = account_of(request).organization_id
        super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Account) -> None:
        """Delete the account, unless it has become the last admin meanwhile."""
        if not has_other_admin(obj):
            raise PermissionDenied
        super().delete_model(request, obj)

    def deletion_summary(self, rows: list[Account]) -> dict[str, str]:
        """Add how many keys stop working with the account."""
        keys = ApiKey.objects.filter(account__in=rows)
        used = keys.filter(in_use(timezone.now())).count()
        return super().deletion_summary(rows) | {"API keys": f"{number(keys.count())}, {number(used)} of them in use"}

    def response_add(self, request: HttpRequest, obj: Account, post_url_continue: str | None = None) -> HttpResponse:
        """Show the password link for the new user; if a password was set, go back to the list."""
        if not obj.has_usable_password():
            return self.link_page(request, obj)
        return ConsoleAdmin.response_add(self, request, obj, post_url_continue)

    @action(description="Set password", icon="password", permissions=["change"])
    def set_password(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the password form; the form for one's own password asks for the old one."""
        if object_id == request.user.pk:
            return HttpResponseRedirect(reverse("admin:password_change"))
        return HttpResponseRedirect(reverse("admin:auth_user_password_change", args=[object_id]))

    @action(description="Password link", icon="link", permissions=["change"])
    def password_link(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then create a link with which the user sets a password. Users change their own with the old one."""
        if object_id == request.user.pk:
            return HttpResponseRedirect(reverse("admin:password_change"))
        account = self.get_object(request, object_id)
        if account is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if account.disabled:
            messages.error(request, "This account is disabled: enable it first.")
            return HttpResponseRedirect(self.page_of(account))
        form = OwnPasswordForm(request.POST if request.method == "POST" else None)
        form.request = request
        if form.is_valid():
            return self.link_page(request, account)
        return self.panel(request, account, "projects/make_link.html", title="Password link", form=form)

    def link_page(self, request: HttpRequest, account: Account) -> HttpResponse:
        """Create a link, record that in the account's history, and show the link only in this reply."""
        link = make_password_link(account)
        self.log_change(request, account, f"Created a password link, valid until {readable_time(link.end_time)}.")
        return self.panel(
            request, account, "projects/link.html", title="Password link", link=link, **public_address(request)
        )

    def panel(self, request: HttpRequest, account: Account, template: str, **context: Any) -> HttpResponse:
        """Return a page about one account."""
        page = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "account": account,
            "account_url": self.page_of(account),
            "list_url": reverse("admin:projects_account_changelist"),
        }
        return TemplateResponse(request, template, page | context)

    def page_of(self, account: Account) -> str:
        """Return the address of an account's page."""
        return reverse("admin:projects_account_change", args=[account.pk])

    @display(description="Role", ordering="role")
    def role_label(self, account: Account) -> SafeString:
        """Show the role."""
        return label(account.get_role_display(), "info" if account.role == Account.Role.ADMIN else "default")

    @display(description="State", ordering="disabled")
    def state(self, account: Account) -> SafeString:
        """Show whether the account can log in."""
        if account.disabled:
            return label("Disabled", "danger")
        return label("Enabled", "success") if account.has_usable_password() else label("Invited", "warning")

    @display(description="API keys", ordering="keys")
    def key_count(self, account: "WithAnnotations[Account, KeyCount]") -> str:
        """Show how many keys act for the account."""
        return number(account.keys)

    @display(description="Last login", ordering="last_login")
    def last_seen(self, account: Account) -> SafeString | str:
        """Show the last login."""
        return moment(account.last_login)
