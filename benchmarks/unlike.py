"""Unlike events of about 340 bytes, spread over a day, the same in every run but for their times."""

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

CHUNK = 10_000  # events that are made together, and sent in one request
USERS = 100_000
RARE, MISSING = "xylophonist", "no such phrase anywhere"
LETTERS = "aaabcdeeeefghiiiklmnooprrsstttuvw"
WORDS = [
    "".join(chance.choices(LETTERS, k=chance.randint(3, 10))) for chance in [random.Random(7)] for _ in range(3000)
]
LEVELS = ["info"] * 80 + ["debug"] * 10 + ["warn"] * 6 + ["error"] * 4
SERVICES = ["api", "web", "billing", "auth"]
STATUSES = [200] * 8 + [404, 500]
FLAGS = ["new-cart", "dark", "fast-path"]  # of one event in fifty


class UnlikeEvents:
    """So many events, the last of which has just happened."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.end = datetime.now(UTC).replace(microsecond=0)
        self.start = self.end - timedelta(days=1)

    def chunks(self, first: int = 0, end: int | None = None) -> Iterator[list[str]]:
        """Yield the JSON of events first to end, CHUNK at a time."""
        stop = min(self.count, end or self.count)
        for start in range(first, stop, CHUNK):
            yield self._chunk(start, min(CHUNK, stop - start))

    def a_request_id(self) -> str:
        """Return the request id of one of the events."""
        return _request_id(random.Random(self._middle))

    @property
    def _middle(self) -> int:
        return self.count // 3 // CHUNK * CHUNK

    def _chunk(self, start: int, count: int) -> list[str]:
        chance = random.Random(start)
        events = [self._event(chance, number) for number in range(start, start + count)]
        if start == self._middle:
            events[-1] = events[-1].replace('"message":"', f'"message":"{RARE} ')
        return events

    def _event(self, chance: random.Random, number: int) -> str:
        request = _request_id(chance)
        time = self.start + (self.end - self.start) * (number / self.count)
        flag = f',"feature":{{"flag":"{chance.choice(FLAGS)}"}}' if number % 50 == 0 else ""
        return (
            f'{{"timestamp":"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z"'
            f',"level":"{chance.choice(LEVELS)}","service":"{chance.choice(SERVICES)}"'
            f',"message":"{" ".join(chance.choices(WORDS, k=8))}"'
            f',"requestId":"{request}","traceId":"{chance.getrandbits(128):032x}"'
            f',"duration":{chance.expovariate(0.02):.3f}'
            f',"http":{{"method":"GET","status":{chance.choice(STATUSES)}'
            f',"path":"/v1/{chance.choice(WORDS)}/{chance.randrange(10**6)}"}}'
            f',"user":{{"id":{chance.randrange(USERS)}}}{flag}}}'
        )


def _request_id(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128)))
