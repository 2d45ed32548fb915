from django.db import migrations, models


class Migration(migrations.Migration):
    """Who executed a command, in words: an account may go, and the command line has none."""

    dependencies = [("projects", "0009_rights")]
    operations = [
        migrations.AddField(
            model_name="commandexecution",
            name="executor_name",
            field=models.CharField(db_default="", default="", max_length=200),
        ),
        migrations.RunSQL(
            "UPDATE projects_commandexecution e SET executor_name = a.email"
            " FROM projects_account a WHERE a.id = e.executor_id",
            migrations.RunSQL.noop,
        ),
    ]
