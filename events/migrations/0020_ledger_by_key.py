import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0019_refused_counts'),
        ('projects', '0020_events_per_month'),
    ]

    operations = [
        migrations.CreateModel(
            name='DeletedDataset',
            fields=[
                ('id', models.CharField(max_length=27, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=100)),
                ('table_name', models.CharField(max_length=40, unique=True)),
                ('counted_from', models.DateTimeField()),
                ('deletion_time', models.DateTimeField(default=django.utils.timezone.now)),
                ('project', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='projects.project')),
            ],
        ),
        # The next maintenance counts again.
        migrations.RunSQL('DELETE FROM events_ledgerhour', migrations.RunSQL.noop),
        # What was sealed until now is stored without its key.
        migrations.RunSQL(
            "UPDATE events_dataset SET counted_from = date_trunc('hour', now(), 'UTC') + interval '1 hour'",
            migrations.RunSQL.noop,
        ),
        migrations.RemoveConstraint(
            model_name='ledgerhour',
            name='ledger_hour_once',
        ),
        migrations.RemoveField(
            model_name='ledgerhour',
            name='dataset',
        ),
        migrations.RemoveField(
            model_name='ledgerhour',
            name='keys',
        ),
        migrations.AddField(
            model_name='ledgerhour',
            name='dataset_id',
            field=models.CharField(default=None, max_length=27),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='ledgerhour',
            name='key_id',
            field=models.CharField(blank=True, default=None, max_length=27),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name='ledgerhour',
            name='hour',
            field=models.DateTimeField(db_index=True),
        ),
        migrations.AddConstraint(
            model_name='ledgerhour',
            constraint=models.UniqueConstraint(fields=('dataset_id', 'hour', 'key_id'), name='ledger_hour_once'),
        ),
    ]
