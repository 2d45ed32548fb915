import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """The right to deploy, and which key made another. Keys keep what they may: who could write could deploy."""

    dependencies = [("projects", "0008_logins")]
    operations = [
        migrations.RemoveConstraint("apikey", "api_key_has_a_right"),
        migrations.AddField(
            "apikey",
            "created_by_key",
            models.ForeignKey(
                blank=True,
                editable=False,
                help_text="The key that made this one, by the platform API.",
                null=True,
                on_delete=django.db.models.deletion.RESTRICT,
                related_name="created_keys",
                to="projects.apikey",
            ),
        ),
        migrations.AddField(
            "apikey",
            "deploy",
            models.BooleanField(
                default=False,
                db_default=False,
                help_text="Read, and change resources and identities, through the platform API: it decides which programs run.",
            ),
        ),
        migrations.AlterField(
            "apikey",
            "write",
            models.BooleanField(
                default=False,
                help_text="Read, start and stop pipelines, and manage keys and datasets, through the platform API.",
            ),
        ),
        migrations.RunSQL("UPDATE projects_apikey SET deploy = true WHERE write", migrations.RunSQL.noop),
        migrations.AddConstraint(
            "apikey",
            models.CheckConstraint(
                condition=models.Q(
                    ("ingest", True), ("read", True), ("write", True), ("deploy", True), _connector="OR"
                ),
                name="api_key_has_a_right",
            ),
        ),
    ]
