"""dataset: events sent to a dataset. The event's name is the dataset's; the dataset needn't exist yet."""

from pipelines.resources.shapes import optional, record, required, whole_number

EVENTS = None
MAX_RATE_EVENTS = 1_000_000_000  # fits the column that counts them
MAX_RATE_SECONDS = 366 * 86_400

PARAMETERS = record(
    {
        "rate_limit": optional(
            record(
                {
                    "events": required(whole_number(1, MAX_RATE_EVENTS)),
                    "seconds": required(whole_number(1, MAX_RATE_SECONDS)),
                }
            )
        )
    }
)
