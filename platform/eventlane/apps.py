from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AdminConfig):
    """Django's admin with Eventlane's own site in the place of the default one."""

    default_site = "eventlane.console.ConsoleSite"
