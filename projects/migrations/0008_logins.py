from django.db import migrations, models


class Migration(migrations.Migration):
    """Failed logins are counted, one password link works at a time, and the table of sessions holds digests of keys."""

    dependencies = [("projects", "0007_installation"), ("sessions", "0001_initial")]
    operations = [
        migrations.CreateModel(
            name="LoginFailure",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("account", models.CharField(max_length=64)),
                ("address", models.CharField(max_length=64)),
                ("time", models.DateTimeField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["account", "time"], name="login_failure_by_account"),
                    models.Index(fields=["address", "time"], name="login_failure_by_address"),
                    models.Index(fields=["time"], name="login_failure_by_time"),
                ],
            },
        ),
        migrations.AddField(
            model_name="account",
            name="password_link_mark",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=32),
        ),
        # Nobody is logged out: sessions.stored_key() in SQL.
        migrations.RunSQL(
            "UPDATE django_session"
            " SET session_key = left(encode(sha256(convert_to(session_key, 'UTF8')), 'hex'), 40)",
            migrations.RunSQL.noop,
        ),
    ]
