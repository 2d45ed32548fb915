"""The page behind a password link."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import login
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.views import INTERNAL_RESET_SESSION_TOKEN, PasswordResetConfirmView
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse_lazy
from django.utils.http import urlsafe_base64_decode
from unfold.widgets import BASE_INPUT_CLASSES

from eventlane.console import with_problem_page
from eventlane.ids import is_id
from projects.models import Account
from projects.password_links import link_tokens, use_password_link


class PasswordForm(SetPasswordForm):  # type: ignore[type-arg]  # not generic at run time
    """A new password, twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = " ".join(BASE_INPUT_CLASSES)


class PasswordView(PasswordResetConfirmView):
    """Sets the password of whoever has a valid link, and logs them in.

    Viewing the page doesn't use up the link: chat programs fetch the links they show. Django takes the token out of the
    address before it shows the page, so the token is in no history and no Referer.
    """

    form_class = PasswordForm
    token_generator = link_tokens
    template_name = "projects/password.html"
    success_url = reverse_lazy("admin:index")
    title = "Set your password"
    reset_url_token = "set"

    @classmethod
    def as_view(cls, **options: Any) -> Any:
        """Answer with a page of the console's, too, when the database is away."""
        view: Any = super().as_view(**options)
        return with_problem_page(view)

    def get_user(self, uidb64: str) -> Account | None:
        """Return the account of the link, if it may log in."""
        try:
            account_id = urlsafe_base64_decode(uidb64).decode("ascii")
        except ValueError:
            return None
        account = Account.objects.filter(pk=account_id).first() if is_id(account_id) else None
        return account if account and account.is_active else None

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        """Add the context of all console pages."""
        return super().get_context_data(**admin.site.each_context(self.request)) | context | {"account": self.user}

    def form_valid(self, form: Any) -> HttpResponse:
        """Set the password, unless the link was used meanwhile."""
        token = self.request.session.pop(INTERNAL_RESET_SESSION_TOKEN)
        account = self.user and use_password_link(self.user.pk, token, form.cleaned_data["new_password1"])
        if account is None:
            return HttpResponseRedirect(self.request.path)
        LogEntry.objects.log_actions(account.pk, [account], CHANGE, "Set a password by a link.", single_object=True)
        login(self.request, account)
        return HttpResponseRedirect(str(self.success_url))
