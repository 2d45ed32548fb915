"""Changes to datasets make web processes forget what they remembered of them."""

from django.db import migrations

CREATE = """
CREATE TRIGGER directory_version AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON events_dataset
    FOR EACH STATEMENT EXECUTE FUNCTION count_directory_version();
"""
DROP = "DROP TRIGGER directory_version ON events_dataset;"


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial"), ("projects", "0002_directory_version")]
    operations = [migrations.RunSQL(CREATE, DROP)]
