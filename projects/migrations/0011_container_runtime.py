from django.db import migrations, models

DEPLOYED = """
UPDATE projects_project p SET container_runtime = true
WHERE EXISTS (
    SELECT FROM projects_resource r
    WHERE r.project_id = p.id AND r.type = 'task' AND r.spec -> 'data' -> 'runtime' ->> 'name' = 'container'
)
"""


class Migration(migrations.Migration):
    """Containers have a switch for each project; it is on where tasks that need it were deployed before."""

    dependencies = [("projects", "0010_executor_name")]
    operations = [
        migrations.AddField(
            model_name="project",
            name="container_runtime",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Tasks with the runtime container run in containers on the worker's machine, of any image they name.",
                verbose_name="run tasks in containers",
            ),
        ),
        migrations.RunSQL(DEPLOYED, migrations.RunSQL.noop),
    ]
