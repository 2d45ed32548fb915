from pathlib import Path

from django.db import migrations

FOLDER = Path(__file__).parent / "sql"


def sql(name: str) -> str:
    """Return the text of a file that is this migration's alone: a change is a new file of a new migration."""
    return (FOLDER / f"0005_{name}").read_text()


class Migration(migrations.Migration):
    """The short ways to start and to end a task, and fewer indexes on its way."""

    dependencies = [("projects", "0004_pipelines")]
    operations = [
        migrations.RunSQL(
            [(sql("claim_task.sql"), None)], "DROP FUNCTION eventlane_claim_task(text, bigint, text, text, boolean)"
        ),
        migrations.RunSQL([(sql("succeed_task.sql"), None)], "DROP FUNCTION eventlane_succeed_task(text, bigint, text)"),
        migrations.RunSQL([(sql("drop_like_indexes.sql"), None)], migrations.RunSQL.noop),
    ]
