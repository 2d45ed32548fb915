import secrets
from datetime import datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone

from eventlane.fields import IdField
from eventlane.names import MAX_NAME_LENGTH, validate_name
from eventlane.times import hour_of
from pipelines.models import Resource
from projects.models import ApiKey, Project


def default_retention_days() -> int:
    """Return the retention of a new dataset."""
    return settings.EVENTLANE_RETENTION_DAYS


def this_hour() -> datetime:
    """Return when the current hour began."""
    return hour_of(timezone.now())


def new_table_name() -> str:
    """Return a table name that was never used: a dataset with the name of a deleted one must not find its events."""
    return f"events_{secrets.token_hex(8)}"


RESERVED = frozenset({"datasets", "ingest"})  # paths of another protocol begin with them: /v1/ingest/<dataset>


def refuse_reserved(name: str) -> None:
    """Refuse a name that no new dataset may have."""
    if name in RESERVED:
        raise ValidationError(f"A dataset can't be named {name!r}: that would be ambiguous in the paths of requests.")


class Dataset(models.Model):
    """A named stream of events in a project. Its events are in one table of the lake."""

    id = IdField()
    project = models.ForeignKey(Project, models.CASCADE, related_name="datasets")
    name = models.CharField(max_length=MAX_NAME_LENGTH, validators=[validate_name, refuse_reserved])
    retention_days = models.PositiveIntegerField(
        default=default_retention_days,
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Events are deleted this many days after they were received. If empty, they are kept forever.",
    )
    default_namespace = models.CharField(
        max_length=200,
        blank=True,
        help_text="Namespace for events sent to /v1/DATASET without one. If empty, they are refused.",
    )
    unwrap_message = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Where a message is JSON as text, as Docker and CloudWatch write it, read level, time, ids and other"
        " columns from it, too. The event's own values count first. Events that are already stored stay as they are.",
    )
    table_name = models.CharField(max_length=40, default=new_table_name, unique=True, editable=False)
    creation_time = models.DateTimeField(default=timezone.now, editable=False)
    counted_from = models.DateTimeField(default=this_hour, editable=False)  # the first hour in the ledger
    # The lake's contents, set on datasets that were measured; not columns.
    events: int
    bytes: int

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="dataset_name_once")]
        indexes = [models.Index(fields=["project", "id"], name="dataset_by_id")]

    def __str__(self) -> str:
        return self.name


class Namespace(models.Model):
    """A source within a dataset, created when its first event is accepted."""

    id = IdField()
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="namespaces")
    name = models.CharField(max_length=200)
    creation_time = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "name"], name="namespace_name_once")]
        indexes = [models.Index(fields=["dataset", "id"], name="namespace_by_id")]

    def __str__(self) -> str:
        return self.name


class NotedField(models.Model):
    """A path of a dataset's events that is a column of its table (see events.lake.promoted), or may become one.

    `number` is set after the column was committed, and stays: whoever reads it may use the column.
    """

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="noted_fields")
    path = models.TextField()
    number = models.PositiveSmallIntegerField(null=True)
    kind = models.CharField(max_length=10, blank=True)  # of the column
    seen = models.PositiveIntegerField(default=0)  # samples of sealed events most of which had it
    asked = models.PositiveIntegerField(default=0)  # queries that read it
    latest_time = models.DateTimeField(default=timezone.now)  # when it was last seen or asked for

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dataset", "path"], name="noted_field_once"),
            models.UniqueConstraint(fields=["dataset", "number"], name="noted_field_number_once"),
        ]

    def __str__(self) -> str:
        return self.path


class DeletedDataset(models.Model):
    """What the ledger has to know of a dataset that is deleted, for as long as it remembers its hours."""

    id = models.CharField(primary_key=True, max_length=27)  # that of the dataset
    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_constraint=False)
    name = models.CharField(max_length=MAX_NAME_LENGTH)
    table_name = models.CharField(max_length=40, unique=True)
    counted_from = models.DateTimeField()
    deletion_time = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.name} (deleted)"


class DroppedTable(models.Model):
    """A lake table whose dataset is deleted, written in the transaction that deletes the dataset.

    The sealer drops the table and then this row. The deletion is therefore completed even if the process that started
    it is killed right after its commit.
    """

    table_name = models.CharField(max_length=40, unique=True)
    creation_time = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.table_name


class ReceivedCount(models.Model):
    """How many events of a dataset a journal file received with a key in a minute, for charts and the ledger.

    The sealer writes it before the commit that seals the file, so it counts only once the lake knows the file's name,
    or `is_sealed` says that it did. The file's name is part of the key, so a file that is sealed again after a crash
    counts once. After two hours, it is added to an AcceptedCount.
    """

    file_name = models.TextField()
    key_id = models.CharField(max_length=27, blank=True, default="", db_default="")  # empty: of an older journal file
    dataset_id = models.CharField(max_length=27)  # not a foreign key: events outlive a deleted dataset for a moment
    minute = models.DateTimeField(db_index=True)
    events = models.PositiveBigIntegerField()
    is_sealed = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["file_name", "dataset_id", "key_id", "minute"], name="received_once")
        ]

    def __str__(self) -> str:
        return f"{self.events} at {self.minute:%H:%M}"


class AcceptedCount(models.Model):
    """How many events of a dataset were received with a key in an hour, in files that the lake has forgotten."""

    key_id = models.CharField(max_length=27, blank=True)
    dataset_id = models.CharField(max_length=27)
    hour = models.DateTimeField()
    events = models.PositiveBigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset_id", "hour", "key_id"], name="accepted_once")]

    def __str__(self) -> str:
        return f"{self.events} at {self.hour:%Y-%m-%d %H}:00"


class LedgerHour(models.Model):
    """What became of the events that a dataset received in an hour with a key, as last counted (events.lake.ledger)."""

    dataset_id = models.CharField(max_length=27)  # the dataset may be deleted
    key_id = models.CharField(max_length=27, blank=True)  # empty: not known
    hour = models.DateTimeField(db_index=True)
    accepted = models.BigIntegerField()
    stored = models.BigIntegerField()
    duplicates = models.BigIntegerField()
    quarantined = models.BigIntegerField()
    unsealed = models.BigIntegerField()
    expired = models.BigIntegerField()
    erased = models.BigIntegerField()
    settled = models.BigIntegerField()
    check_time = models.DateTimeField(default=timezone.now)  # when it was found to be so

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset_id", "hour", "key_id"], name="ledger_hour_once")]

    def __str__(self) -> str:
        return f"{self.accepted} at {self.hour:%Y-%m-%d %H}:00"

    @property
    def difference(self) -> int:
        """How many accepted events are unaccounted for; less than 0: how many there are too many."""
        found = self.stored + self.duplicates + self.quarantined + self.unsealed
        return self.accepted - found - self.expired - self.erased - self.settled


class QuarantineCount(models.Model):
    """How many entries of a dataset are in quarantine, as the sealer last counted."""

    dataset_id = models.CharField(max_length=27, primary_key=True)  # empty: damaged parts of journal files
    entries = models.PositiveBigIntegerField()
    latest_time = models.DateTimeField()
    latest_reason = models.TextField()

    def __str__(self) -> str:
        return f"{self.entries} of {self.dataset_id}"


class QuarantinedRequest(models.Model):
    """What a sender sent again and again although it was refused each time, and was then told to be accepted.

    It is committed before that reply. It holds the body of a request, or those events of it that were refused.
    """

    id = IdField()
    project = models.ForeignKey(Project, models.CASCADE, related_name="quarantined_requests")
    api_key = models.ForeignKey(ApiKey, models.SET_NULL, null=True, related_name="quarantined_requests")
    path = models.TextField()  # as sent, percent-encoded, with what counts of the query
    headers = models.JSONField(default=dict)  # those that say what the body is and where it goes; never a key
    body = models.BinaryField()
    bytes = models.PositiveIntegerField()  # of the body
    events = models.PositiveIntegerField(null=True)  # the body is an array of refused events; None: as it was sent
    reason = models.TextField()  # of the first event
    creation_time = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["project", "id"], name="quarantined_by_project")]

    def __str__(self) -> str:
        return self.path


class RefusedCount(models.Model):
    """How many requests of a key were refused for a reason in an hour (see events.ingest.refusals)."""

    hour = models.DateTimeField()
    key_id = models.CharField(max_length=27, blank=True)  # empty: without a valid key
    project = models.ForeignKey(Project, models.CASCADE, null=True, db_constraint=False, related_name="refused_counts")
    dataset = models.CharField(max_length=MAX_NAME_LENGTH, blank=True)  # its name; there may be none of that name
    status = models.PositiveSmallIntegerField()
    reason = models.CharField(max_length=200)
    requests = models.PositiveBigIntegerField()
    latest_time = models.DateTimeField()
    example = models.TextField(blank=True)  # the beginning of what was refused last

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["hour", "key_id", "dataset", "status", "reason"], name="refused_once")
        ]
        indexes = [models.Index(fields=["project", "latest_time"], name="refused_by_project")]

    def __str__(self) -> str:
        return f"{self.requests}: {self.reason}"


class UnreadTimes(models.Model):
    """How many events of a dataset have a time that could not be read, as sealers counted them."""

    # Without a constraint: a dataset may be deleted while its last events are sealed.
    dataset = models.OneToOneField(
        Dataset, models.CASCADE, primary_key=True, db_constraint=False, related_name="unread_times"
    )
    events = models.PositiveBigIntegerField(default=0)
    latest_time = models.DateTimeField(default=timezone.now)  # when some were sealed

    def __str__(self) -> str:
        return f"{self.events} of {self.dataset_id}"


class SealerIncident(models.Model):
    """Something that a node's sealer could not do: seal anything at all, or seal one file."""

    node = models.TextField()
    file_name = models.TextField(blank=True)  # empty: nothing can be sealed
    start_time = models.DateTimeField()
    latest_time = models.DateTimeField()
    end_time = models.DateTimeField(null=True)
    error = models.TextField()

    class Meta:
        db_table = "events_sealertrouble"  # its name in the first release
        constraints = [
            models.UniqueConstraint(
                fields=["node", "file_name"], condition=models.Q(end_time=None), name="trouble_open_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.node}: {self.error}"


class DamagedFile(models.Model):
    """A file of the lake that could not be read. Kept until the file is intact again or given up."""

    path = models.TextField(primary_key=True)  # relative to the lake's folder
    table_name = models.TextField()
    rows = models.PositiveBigIntegerField()
    reason = models.TextField()
    found_time = models.DateTimeField(default=timezone.now)
    state = models.TextField(
        blank=True
    )  # of the file at that time, from damaged_files.file_state; empty: it didn't exist

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class JournalProgress(models.Model):
    """How far a journal file was evaluated for triggers. Kept until the file has been gone for a while."""

    file_name = models.TextField(primary_key=True)
    node = models.TextField()
    evaluated_bytes = models.PositiveBigIntegerField()  # the offset to continue from
    update_time = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.file_name} to {self.evaluated_bytes}"


class TriggerMatch(models.Model):
    """An ingested event that matches a trigger and hasn't started anything yet.

    The trigger's id is a plain column: if the trigger is deleted meanwhile, the match has no effect. The event is its
    text as sent, which a JSON column can't always store.
    """

    trigger_id = models.CharField(max_length=27)
    dataset = models.CharField(max_length=MAX_NAME_LENGTH)  # its name
    event_time = models.DateTimeField()  # when it was received
    event = models.BinaryField()
    failures = models.PositiveSmallIntegerField(default=0)
    due_time = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "trigger matches"
        indexes = [models.Index(fields=["trigger_id", "id"], name="match_by_trigger")]

    def __str__(self) -> str:
        return f"{self.dataset} for {self.trigger_id}"


class MatchedRequest(models.Model):
    """A batch with a token of which events have matched: its copies fire nothing. Kept as long as its token."""

    token = models.UUIDField(primary_key=True)
    first_id = models.UUIDField()
    received_time = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return str(self.first_id)


class AlertState(models.TextChoices):
    """What an alert was found to be. An error says nothing about the events: they couldn't be asked."""

    WAITING = "waiting", "Not evaluated yet"
    OK = "ok", "OK"
    FIRING = "firing", "Firing"
    NO_DATA = "no_data", "No data"
    ERROR = "error", "Error"


class Alert(models.Model):
    """The state of a resource of type alert. `events.alerts` changes it."""

    resource = models.OneToOneField(Resource, models.CASCADE, related_name="alert", primary_key=True)
    project = models.ForeignKey(Project, models.CASCADE, related_name="alerts")
    state = models.CharField(max_length=10, choices=AlertState, default=AlertState.WAITING)
    state_time = models.DateTimeField(default=timezone.now)  # since when it is in this state
    conditions = models.JSONField(
        default=list
    )  # what is wrong now: events.alerts.evaluate.Condition, each as an object
    value = models.JSONField(null=True)  # of the group that comes first: the greatest one for `>`
    evaluation_time = models.DateTimeField(null=True)  # the end of the window that was looked at last
    next_time = models.DateTimeField(default=timezone.now, db_index=True)  # when it is to be evaluated again
    claim_time = models.DateTimeField(null=True)  # until when a worker has it for evaluation
    snoozed_until = models.DateTimeField(null=True)  # sends nothing and starts nothing until then
    told_time = models.DateTimeField(null=True)  # when channels were last told that something is wrong

    def __str__(self) -> str:
        return self.resource.name

    @property
    def is_snoozed(self) -> bool:
        """Whether it sends nothing and starts nothing now."""
        return self.snoozed_until is not None and self.snoozed_until > timezone.now()


class AlertChange(models.Model):
    """An entry in the history of an alert."""

    class Kind(models.TextChoices):
        BEGAN = "began", "Began"
        ENDED = "ended", "Ended"
        REMINDER = "reminder", "Reminder"
        SNOOZED = "snoozed", "Snoozed"
        TEST = "test", "Test"

    id = IdField()
    alert = models.ForeignKey(Alert, models.CASCADE, related_name="changes")
    kind = models.CharField(max_length=10, choices=Kind)
    time = models.DateTimeField()  # the end of the window that was looked at
    creation_time = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=10, choices=AlertState)  # of the alert after it
    conditions = models.JSONField(default=list)  # those that began or ended, or are reminded of
    text = models.TextField(default="", db_default="")  # by whom, and until when; or that it is told late
    link = models.TextField(blank=True)  # to Explore at that moment, without scheme and host

    class Meta:
        indexes = [
            models.Index(fields=["alert", "id"], name="alert_change_by_id"),
            models.Index(fields=["alert", "creation_time", "id"], name="alert_change_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.time:%Y-%m-%d %H:%M:%S}"


class AlertMessage(models.Model):
    """A message about a change of an alert to one of its channels."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"

    id = IdField()
    change = models.ForeignKey(AlertChange, models.CASCADE, related_name="messages")
    channel = models.CharField(max_length=MAX_NAME_LENGTH)  # its name
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    due_time = models.DateTimeField(default=timezone.now)  # of the next try; until then, a worker may be sending it
    sent_time = models.DateTimeField(null=True)
    error = models.TextField(blank=True)  # of the last try
    refused = models.JSONField(
        null=True
    )  # of mail that others have got: recipients that haven't, and what the server said to each

    class Meta:
        indexes = [
            models.Index(fields=["due_time"], name="alert_message_by_due", condition=models.Q(state="waiting")),
        ]

    def __str__(self) -> str:
        return f"{self.channel}: {self.state}"
