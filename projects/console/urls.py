"""Console pages for people who can't log in yet."""

from django.urls import path

from projects.console.password import PasswordView

urlpatterns = [path("password/<uidb64>/<token>/", PasswordView.as_view(), name="account-password")]
