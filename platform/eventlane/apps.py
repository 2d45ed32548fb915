from django.contrib.admin.apps import SimpleAdminConfig


class ConsoleConfig(SimpleAdminConfig):
    """Django's admin with Eventlane's own site in the place of the default one.

    What it shows is looked for where its pages get their addresses (urls.py): a process that serves none, like the
    sealer, starts a quarter faster without.
    """

    default_site = "eventlane.console.ConsoleSite"
