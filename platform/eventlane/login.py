"""The console's login form."""

from unfold.forms import AuthenticationForm


class LoginForm(AuthenticationForm):
    """Unfold's form; its message fits logins that are e-mail addresses, whatever their case."""

    error_messages = {
        "invalid_login": "The e-mail address or the password is wrong.",
        "inactive": "This account is disabled.",
    }
