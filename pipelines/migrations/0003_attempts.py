from django.db import migrations, models


class Migration(migrations.Migration):
    """Rename a field; its column keeps its name, so no table is rewritten and the release before still works."""

    dependencies = [("pipelines", "0002_exact_numbers")]
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameField("task", "run", "attempt"),
                migrations.AlterField(
                    "task", "attempt", models.PositiveBigIntegerField(db_column="run", default=0)
                ),
            ]
        )
    ]
