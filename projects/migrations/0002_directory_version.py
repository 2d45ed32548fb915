"""The row that web processes watch, and the triggers that count it up.

A key's last use is left out: it is written all day long and changes nothing about who gets in.
"""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION count_directory_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE projects_directoryversion SET version = version + 1 WHERE id = 1;
    RETURN NULL;
END $$;
INSERT INTO projects_directoryversion (id, version) VALUES (1, 0);
CREATE TRIGGER directory_version AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON projects_organization
    FOR EACH STATEMENT EXECUTE FUNCTION count_directory_version();
CREATE TRIGGER directory_version AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF disabled, organization_id ON projects_account
    FOR EACH STATEMENT EXECUTE FUNCTION count_directory_version();
CREATE TRIGGER directory_version AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON projects_project
    FOR EACH STATEMENT EXECUTE FUNCTION count_directory_version();
CREATE TRIGGER directory_version AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF
    digest, ingest, read, write, organization_id, account_id, project_id, expiration_time, revocation_time ON projects_apikey
    FOR EACH STATEMENT EXECUTE FUNCTION count_directory_version();
"""
REVERSE = "DROP FUNCTION count_directory_version() CASCADE; DELETE FROM projects_directoryversion;"


class Migration(migrations.Migration):
    dependencies = [("projects", "0001_initial")]
    operations = [migrations.RunSQL(FUNCTION, REVERSE)]
