"""Events of mixed shape and size, the same in every run."""

import json
import random

LEVELS = ["debug", "info", "info", "info", "warn", "error"]
WORDS = ["cart", "order", "user", "paid", "shipped", "refund", "session", "timeout", "retry", "cache", "miss", "hit"]


def events(count: int, seed: int = 7) -> list[bytes]:
    """Return `count` events as JSON texts, about 200 bytes each on average."""
    chance = random.Random(seed)
    return [json.dumps(_event(chance, number), separators=(",", ":")).encode() for number in range(count)]


def _event(chance: random.Random, number: int) -> dict[str, object]:
    event: dict[str, object] = {
        "timestamp": 1_767_225_600_000 + number,
        "level": chance.choice(LEVELS),
        "message": " ".join(chance.choices(WORDS, k=chance.randint(2, 8))),
        "service": chance.choice(["api", "web", "worker"]),
        "requestId": f"{chance.getrandbits(64):016x}",
        "duration": round(chance.expovariate(0.02), 3),
    }
    if number % 3 == 0:
        event["http"] = {"status": chance.choice([200, 200, 201, 404, 500]), "path": f"/v/{chance.randint(1, 999)}"}
    if number % 10 == 0:
        event["error"] = "boom"
        event["stack"] = [f"frame {depth} at {chance.choice(WORDS)}.py" for depth in range(chance.randint(1, 6))]
    return event
