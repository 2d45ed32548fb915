from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0003_console_figures'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='dataset',
            index=models.Index(fields=['project', 'id'], name='dataset_by_id'),
        ),
        migrations.AddIndex(
            model_name='namespace',
            index=models.Index(fields=['dataset', 'id'], name='namespace_by_id'),
        ),
    ]
