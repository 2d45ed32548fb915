from django.db import migrations


class Migration(migrations.Migration):
    """Rename a model; its table keeps its name, so nothing is rewritten and the release before still works."""

    dependencies = [("events", "0007_damaged_files")]
    operations = [
        migrations.AlterModelTable("sealertrouble", "events_sealertrouble"),
        migrations.RenameModel("SealerTrouble", "SealerIncident"),
    ]
