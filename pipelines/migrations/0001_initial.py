"""The models of pipelines leave the app projects: what Django knows of them moves, their tables stay untouched."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import eventlane.fields
import eventlane.ids
from django.conf import settings
from django.db import migrations, models

MODELS = [
    "command",
    "commandexecution",
    "hook",
    "hookdelivery",
    "identity",
    "pipeline",
    "platformevent",
    "resource",
    "scratchpadentry",
    "subscription",
    "task",
    "taskstep",
    "trigger",
]


def rename_content_types(old: str, new: str):
    """Return what has Django's history and permissions follow the models from one app to another."""

    def rename(apps, schema_editor):
        apps.get_model("contenttypes", "ContentType").objects.filter(app_label=old, model__in=MODELS).update(
            app_label=new
        )

    return rename


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("contenttypes", "0002_remove_content_type_name"),
        ("projects", "0013_refusals"),
    ]

    operations = [
        migrations.RunPython(
            rename_content_types("projects", "pipelines"), rename_content_types("pipelines", "projects")
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="Resource",
                    fields=[
                        (
                            "id",
                            eventlane.fields.IdField(
                                db_collation="C",
                                default=eventlane.ids.new_id,
                                editable=False,
                                max_length=27,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        (
                            "type",
                            models.CharField(
                                choices=[
                                    ("trigger", "Trigger"),
                                    ("command", "Command"),
                                    ("pipeline", "Pipeline"),
                                    ("task", "Task"),
                                ],
                                max_length=10,
                            ),
                        ),
                        (
                            "name",
                            models.CharField(
                                max_length=100,
                                validators=[
                                    django.core.validators.RegexValidator(
                                        "\\A[a-z0-9][a-z0-9_-]{0,99}\\Z",
                                        "Use 1 to 100 lower case letters, digits, '-' and '_', starting with a letter or digit.",
                                    )
                                ],
                            ),
                        ),
                        ("disabled", models.BooleanField(default=False)),
                        ("creation_time", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                        ("update_time", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                        ("spec", models.JSONField()),
                        (
                            "project",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="resources",
                                to="projects.project",
                            ),
                        ),
                    ],
                    options={
                        "db_table": "projects_resource",
                    },
                ),
                migrations.CreateModel(
                    name="Hook",
                    fields=[
                        (
                            "id",
                            eventlane.fields.IdField(
                                db_collation="C",
                                default=eventlane.ids.new_id,
                                editable=False,
                                max_length=27,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("connector", models.CharField(max_length=100)),
                        ("digest", models.CharField(editable=False, max_length=64, unique=True)),
                        ("encrypted_token", models.BinaryField()),
                        ("encrypted_secret", models.BinaryField(null=True)),
                        ("creation_time", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                        ("last_use_time", models.DateTimeField(editable=False, null=True)),
                        ("window_start_time", models.DateTimeField(editable=False, null=True)),
                        ("window_deliveries", models.PositiveIntegerField(db_default=0, default=0, editable=False)),
                        (
                            "project",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="hooks", to="projects.project"
                            ),
                        ),
                    ],
                    options={
                        "db_table": "projects_hook",
                    },
                ),
                migrations.CreateModel(
                    name="HookDelivery",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("delivery_id", models.CharField(max_length=100)),
                        ("creation_time", models.DateTimeField(default=django.utils.timezone.now)),
                        (
                            "hook",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="deliveries",
                                to="pipelines.hook",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name_plural": "hook deliveries",
                        "db_table": "projects_hookdelivery",
                    },
                ),
                migrations.CreateModel(
                    name="Identity",
                    fields=[
                        (
                            "id",
                            eventlane.fields.IdField(
                                db_collation="C",
                                default=eventlane.ids.new_id,
                                editable=False,
                                max_length=27,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        (
                            "name",
                            models.CharField(
                                max_length=100,
                                validators=[
                                    django.core.validators.RegexValidator(
                                        "\\A[a-z0-9][a-z0-9_-]{0,99}\\Z",
                                        "Use 1 to 100 lower case letters, digits, '-' and '_', starting with a letter or digit.",
                                    )
                                ],
                            ),
                        ),
                        ("connector", models.CharField(max_length=100)),
                        ("type", models.CharField(max_length=100)),
                        ("encrypted_data", models.BinaryField()),
                        ("creation_time", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                        ("update_time", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                        ("last_use_time", models.DateTimeField(blank=True, editable=False, null=True)),
                        (
                            "project",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="identities",
                                to="projects.project",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name_plural": "identities",
                        "db_table": "projects_identity",
                    },
                ),
                migrations.CreateModel(
                    name="PlatformEvent",
                    fields=[
                        (
                            "id",
                            eventlane.fields.IdField(
                                db_collation="C",
                                default=eventlane.ids.new_id,
                                editable=False,
                                max_length=27,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("trigger_id", models.CharField(db_collation="C", max_length=27, null=True)),
                        ("command_id", models.CharField(db_collation="C", max_length=27, null=True)),
                        ("creation_time", models.DateTimeField(default=django.utils.timezone.now)),
                        ("event_time", models.DateTimeField()),
                        ("connector", models.CharField(max_length=100)),
                        ("name", models.CharField(max_length=200)),
                        ("data", models.JSONField()),
                        ("processed", models.BooleanField(default=False)),
                        ("original_event_id", models.CharField(db_collation="C", max_length=27, null=True)),
                        (
                            "project",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="platform_events",
                                to="projects.project",
                            ),
                        ),
                    ],
                    options={
                        "db_table": "projects_platformevent",
                    },
                ),
                migrations.CreateModel(
                    name="CommandExecution",
                    fields=[
                        (
                            "id",
                            eventlane.fields.IdField(
                                db_collation="C",
                                default=eventlane.ids.new_id,
                                editable=False,
                                max_length=27,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("executor_name", models.CharField(db_default="", default="", max_length=200)),
                        ("execution_time", models.DateTimeField(default=django.utils.timezone.now)),
                        ("command_id", models.CharField(db_collation="C", max_length=27)),
                        ("parameters", models.JSONField()),
                        ("pipeline_ids", models.JSONField(default=list)),
                        (
                            "executor",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "project",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="command_executions",
                                to="projects.project",
                            ),
                        ),
                        (
                            "event",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="pipelines.platformevent",
                            ),
                        ),
                    ],
                    options={
                        "db_table": "projects_commandexecution",
                    },
                ),
                migrations.CreateModel(
                    name="Subscription",
                    fields=[
                        (
                            "trigger",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="subscription",
                                serialize=False,
                                to="pipelines.resource",
                            ),
                        ),
                        ("connector", models.CharField(max_length=100)),
                        ("event", models.CharField(max_length=200)),
                        ("parameters", models.JSONField(default=dict)),
                        ("identity", models.CharField(blank=True, max_length=100)),
                        ("creation_time", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                        ("next_tick_time", models.DateTimeField(blank=True, null=True)),
                        ("window_start_time", models.DateTimeField(blank=True, null=True)),
                        ("window_events", models.PositiveIntegerField(default=0)),
                        ("suppressed_events", models.PositiveBigIntegerField(default=0)),
                        ("dropped_events", models.PositiveBigIntegerField(db_default=0, default=0)),
                        ("drop_time", models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        "db_table": "projects_subscription",
                    },
                ),
                migrations.CreateModel(
                    name="Pipeline",
                    fields=[
                        (
                            "id",
                            eventlane.fields.IdField(
                                db_collation="C",
                                default=eventlane.ids.new_id,
                                editable=False,
                                max_length=27,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("name", models.CharField(max_length=100)),
                        ("spec", models.JSONField()),
                        ("trigger_id", models.CharField(db_collation="C", max_length=27, null=True)),
                        ("command_id", models.CharField(db_collation="C", max_length=27, null=True)),
                        ("command_environment", models.JSONField(default=dict)),
                        ("event_time", models.DateTimeField()),
                        ("creation_time", models.DateTimeField(default=django.utils.timezone.now)),
                        ("concurrent", models.BooleanField(default=False)),
                        (
                            "status",
                            models.CharField(
                                choices=[
                                    ("created", "Waiting"),
                                    ("started", "Running"),
                                    ("successful", "Successful"),
                                    ("failed", "Failed"),
                                    ("aborted", "Aborted"),
                                ],
                                default="created",
                                max_length=10,
                            ),
                        ),
                        ("start_time", models.DateTimeField(null=True)),
                        ("end_time", models.DateTimeField(null=True)),
                        ("admitted", models.BooleanField(db_column="released", default=False)),
                        ("aborted", models.BooleanField(default=False)),
                        ("retention", models.DurationField(null=True)),
                        ("delete_time", models.DateTimeField(null=True)),
                        (
                            "project",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="pipelines",
                                to="projects.project",
                            ),
                        ),
                        (
                            "event",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="pipelines",
                                to="pipelines.platformevent",
                            ),
                        ),
                        (
                            "definition",
                            models.ForeignKey(
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="pipelines.resource",
                            ),
                        ),
                    ],
                    options={
                        "db_table": "projects_pipeline",
                    },
                ),
                migrations.CreateModel(
                    name="Command",
                    fields=[],
                    options={
                        "proxy": True,
                        "indexes": [],
                        "constraints": [],
                    },
                    bases=("pipelines.resource",),
                ),
                migrations.CreateModel(
                    name="Trigger",
                    fields=[],
                    options={
                        "proxy": True,
                        "indexes": [],
                        "constraints": [],
                    },
                    bases=("pipelines.resource",),
                ),
                migrations.CreateModel(
                    name="ScratchpadEntry",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("key", models.CharField(max_length=255)),
                        ("value", models.TextField(blank=True)),
                        (
                            "pipeline",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="scratchpad",
                                to="pipelines.pipeline",
                            ),
                        ),
                    ],
                    options={
                        "db_table": "projects_scratchpadentry",
                    },
                ),
                migrations.CreateModel(
                    name="Task",
                    fields=[
                        (
                            "id",
                            eventlane.fields.IdField(
                                db_collation="C",
                                default=eventlane.ids.new_id,
                                editable=False,
                                max_length=27,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("name", models.CharField(max_length=250)),
                        ("pipeline_task", models.JSONField()),
                        ("spec", models.JSONField()),
                        ("command_parameters", models.JSONField(null=True)),
                        ("dependencies", models.JSONField(default=list)),
                        ("instance_id", models.PositiveSmallIntegerField(default=1)),
                        (
                            "status",
                            models.CharField(
                                choices=[
                                    ("created", "Waiting"),
                                    ("started", "Running"),
                                    ("successful", "Successful"),
                                    ("failed", "Failed"),
                                    ("aborted", "Aborted"),
                                ],
                                default="created",
                                max_length=10,
                            ),
                        ),
                        ("start_time", models.DateTimeField(null=True)),
                        ("end_time", models.DateTimeField(null=True)),
                        ("failure_message", models.TextField(blank=True)),
                        ("retry", models.PositiveIntegerField(default=0)),
                        ("run", models.PositiveBigIntegerField(default=0)),
                        ("queued", models.BooleanField(default=False)),
                        ("throttled", models.BooleanField(db_column="parked", default=False)),
                        ("due_time", models.DateTimeField(null=True)),
                        ("heartbeat_time", models.DateTimeField(null=True)),
                        ("worker", models.CharField(blank=True, max_length=200)),
                        (
                            "definition",
                            models.ForeignKey(
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="pipelines.resource",
                            ),
                        ),
                        (
                            "pipeline",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="tasks",
                                to="pipelines.pipeline",
                            ),
                        ),
                        (
                            "project",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="tasks",
                                to="projects.project",
                            ),
                        ),
                    ],
                    options={
                        "db_table": "projects_task",
                    },
                ),
                migrations.CreateModel(
                    name="TaskStep",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("position", models.PositiveSmallIntegerField()),
                        ("label", models.CharField(blank=True, max_length=100)),
                        ("start_time", models.DateTimeField()),
                        ("end_time", models.DateTimeField(null=True)),
                        ("exit_code", models.IntegerField(null=True)),
                        ("output", models.TextField(blank=True)),
                        ("output_bytes", models.PositiveBigIntegerField(default=0)),
                        ("truncated", models.BooleanField(default=False)),
                        (
                            "task",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="steps", to="pipelines.task"
                            ),
                        ),
                    ],
                    options={
                        "db_table": "projects_taskstep",
                    },
                ),
                migrations.AddConstraint(
                    model_name="hook",
                    constraint=models.UniqueConstraint(fields=("project", "connector"), name="hook_once"),
                ),
                migrations.AddIndex(
                    model_name="hookdelivery",
                    index=models.Index(fields=["hook", "creation_time"], name="delivery_by_time"),
                ),
                migrations.AddConstraint(
                    model_name="hookdelivery",
                    constraint=models.UniqueConstraint(fields=("hook", "delivery_id"), name="delivery_once"),
                ),
                migrations.AddIndex(
                    model_name="identity",
                    index=models.Index(fields=["project", "id"], name="identity_by_id"),
                ),
                migrations.AddIndex(
                    model_name="identity",
                    index=models.Index(fields=["project", "name", "id"], name="identity_by_name"),
                ),
                migrations.AddConstraint(
                    model_name="identity",
                    constraint=models.UniqueConstraint(fields=("project", "name"), name="identity_name_once"),
                ),
                migrations.AddIndex(
                    model_name="platformevent",
                    index=models.Index(fields=["project", "id"], name="platform_event_by_id"),
                ),
                migrations.AddIndex(
                    model_name="platformevent",
                    index=models.Index(fields=["project", "event_time", "id"], name="platform_event_by_time"),
                ),
                migrations.AddIndex(
                    model_name="platformevent",
                    index=models.Index(fields=["project", "trigger_id", "id"], name="platform_event_by_trigger"),
                ),
                migrations.AddIndex(
                    model_name="platformevent",
                    index=models.Index(fields=["project", "connector", "id"], name="platform_event_of_connector"),
                ),
                migrations.AddIndex(
                    model_name="platformevent",
                    index=models.Index(
                        fields=["project", "connector", "event_time", "id"], name="platform_event_of_connector_t"
                    ),
                ),
                migrations.AddIndex(
                    model_name="platformevent",
                    index=models.Index(
                        fields=["project", "name", "id"], include=("connector",), name="platform_event_of_name"
                    ),
                ),
                migrations.AddIndex(
                    model_name="platformevent",
                    index=models.Index(
                        fields=["project", "name", "event_time", "id"],
                        include=("connector",),
                        name="platform_event_of_name_t",
                    ),
                ),
                migrations.AddIndex(
                    model_name="commandexecution",
                    index=models.Index(fields=["project", "id"], name="execution_by_id"),
                ),
                migrations.AddIndex(
                    model_name="commandexecution",
                    index=models.Index(fields=["project", "execution_time", "id"], name="execution_by_time"),
                ),
                migrations.AddIndex(
                    model_name="commandexecution",
                    index=models.Index(fields=["project", "command_id", "id"], name="execution_by_command"),
                ),
                migrations.AddIndex(
                    model_name="commandexecution",
                    index=models.Index(
                        fields=["project", "command_id", "execution_time", "id"], name="execution_by_command_t"
                    ),
                ),
                migrations.AddField(
                    model_name="subscription",
                    name="project",
                    field=models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="subscriptions", to="projects.project"
                    ),
                ),
                migrations.AddIndex(
                    model_name="resource",
                    index=models.Index(fields=["project", "id"], name="resource_by_id"),
                ),
                migrations.AddIndex(
                    model_name="resource",
                    index=models.Index(fields=["project", "name", "id"], name="resource_by_name"),
                ),
                migrations.AddIndex(
                    model_name="resource",
                    index=models.Index(fields=["project", "type", "id"], name="resource_by_type_id"),
                ),
                migrations.AddConstraint(
                    model_name="resource",
                    constraint=models.UniqueConstraint(fields=("project", "type", "name"), name="resource_name_once"),
                ),
                migrations.AddIndex(
                    model_name="pipeline",
                    index=models.Index(fields=["project", "id"], name="pipeline_by_id"),
                ),
                migrations.AddIndex(
                    model_name="pipeline",
                    index=models.Index(fields=["project", "event_time", "id"], name="pipeline_by_time"),
                ),
                migrations.AddIndex(
                    model_name="pipeline",
                    index=models.Index(fields=["event"], name="pipeline_by_event"),
                ),
                migrations.AddIndex(
                    model_name="pipeline",
                    index=models.Index(fields=["definition", "event_time", "id"], name="pipeline_by_definition"),
                ),
                migrations.AddIndex(
                    model_name="pipeline",
                    index=models.Index(
                        condition=models.Q(("delete_time__isnull", False)),
                        fields=["delete_time"],
                        name="pipeline_by_delete",
                    ),
                ),
                migrations.AddIndex(
                    model_name="pipeline",
                    index=models.Index(
                        condition=models.Q(("status__in", ("created", "started"))),
                        fields=["project", "id"],
                        name="pipeline_unfinished",
                    ),
                ),
                migrations.AddIndex(
                    model_name="pipeline",
                    index=models.Index(
                        condition=models.Q(("status", "failed")), fields=["project", "end_time"], name="pipeline_failed"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="pipeline",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(
                            ("admitted", True), ("concurrent", False), ("status__in", ("created", "started"))
                        ),
                        fields=("definition",),
                        name="pipeline_one_at_a_time",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="scratchpadentry",
                    constraint=models.UniqueConstraint(fields=("pipeline", "key"), name="scratchpad_key_once"),
                ),
                migrations.AddIndex(
                    model_name="task",
                    index=models.Index(fields=["project", "id"], name="task_by_id"),
                ),
                migrations.AddIndex(
                    model_name="task",
                    index=models.Index(fields=["pipeline", "id"], name="task_by_pipeline"),
                ),
                migrations.AddIndex(
                    model_name="task",
                    index=models.Index(fields=["definition"], name="task_by_definition"),
                ),
                migrations.AddIndex(
                    model_name="task",
                    index=models.Index(
                        condition=models.Q(("worker", ""), _negated=True),
                        fields=["heartbeat_time"],
                        name="task_running",
                    ),
                ),
                migrations.AddIndex(
                    model_name="task",
                    index=models.Index(
                        condition=models.Q(("throttled", True)), fields=["project", "id"], name="task_parked"
                    ),
                ),
                migrations.AddConstraint(
                    model_name="taskstep",
                    constraint=models.UniqueConstraint(fields=("task", "position"), name="task_step_once"),
                ),
                migrations.AddIndex(
                    model_name="subscription",
                    index=models.Index(fields=["project", "connector", "event"], name="subscription_by_event"),
                ),
                migrations.AddIndex(
                    model_name="subscription",
                    index=models.Index(
                        condition=models.Q(("next_tick_time__isnull", False)),
                        fields=["next_tick_time"],
                        name="subscription_by_tick",
                    ),
                ),
            ]
        ),
    ]
