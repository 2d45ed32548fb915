"""The models of pipelines are the app pipelines' now (its 0001); their tables stay."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("pipelines", "0001_initial"),
        ("projects", "0013_refusals"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.DeleteModel("Command"),
                migrations.DeleteModel("Trigger"),
                migrations.DeleteModel("TaskStep"),
                migrations.DeleteModel("ScratchpadEntry"),
                migrations.DeleteModel("Task"),
                migrations.DeleteModel("CommandExecution"),
                migrations.DeleteModel("HookDelivery"),
                migrations.DeleteModel("Hook"),
                migrations.DeleteModel("Identity"),
                migrations.DeleteModel("Pipeline"),
                migrations.DeleteModel("PlatformEvent"),
                migrations.DeleteModel("Subscription"),
                migrations.DeleteModel("Resource"),
            ]
        ),
    ]
