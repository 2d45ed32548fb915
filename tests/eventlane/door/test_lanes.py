"""A lane whose threads all hang is noticed; one that is only busy isn't."""

import asyncio
import threading

import pytest

from eventlane import web
from eventlane.door.body import Body, Busy, Pace
from eventlane.door.django import _as_api_error
from eventlane.door.lanes import Lane
from eventlane.progress import Progress
from eventlane.wire.errors import NoRoom
from eventlane.wire.values import take_room_for_values

LIST = b"[" + b"1," * 1499 + b"1]"


def test_lane_hangs_once_no_thread_came_to_an_end_for_long():
    lane, go_on = Lane("test", 2, 1, 1000, 1000), threading.Event()

    async def use() -> None:
        one = asyncio.ensure_future(lane.run(go_on.wait))
        await asyncio.sleep(0)
        assert not lane.hangs(0)  # a thread is free
        others = [asyncio.ensure_future(lane.run(go_on.wait)) for _ in range(2)]
        await asyncio.sleep(0.01)
        assert lane.hangs(0.005) and not lane.hangs(60)
        with pytest.raises(Busy):
            await lane.run(go_on.wait)
        go_on.set()
        await asyncio.gather(one, *others)
        assert not lane.hangs(0)

    asyncio.run(use())


def test_process_with_a_hanging_lane_makes_no_step(tmp_path, settings, monkeypatch, caplog):
    settings.EVENTLANE_WEB_LANE_HANG_SECONDS = 0.05
    file, go_on = tmp_path / "progress", threading.Event()
    lane = web.application._routes[-1].lane
    threads = settings.EVENTLANE_WEB_THREADS
    monkeypatch.setattr(web, "STEP_SECONDS", 0.01)

    async def watch() -> None:
        showing = asyncio.ensure_future(web._show(Progress(file)))
        while not file.exists():
            await asyncio.sleep(0.01)
        requests = [asyncio.ensure_future(lane.run(go_on.wait)) for _ in range(threads)]
        while "all threads of lane console hang" not in caplog.text:
            await asyncio.sleep(0.01)
        file.unlink()
        await asyncio.sleep(0.1)
        assert not file.exists()
        go_on.set()
        await asyncio.gather(*requests)
        while not file.exists():
            await asyncio.sleep(0.01)
        showing.cancel()

    asyncio.run(asyncio.wait_for(watch(), 20))


def test_values_of_all_bodies_at_once_have_room_and_give_it_back():
    async def nothing() -> dict[str, object]:
        return {"type": "http.disconnect"}

    lane = Lane("test", 2, 1, 1000, 2000)
    one, other = (Body({}, nothing, Pace(1, 1), lane.room, lane.values) for _ in range(2))
    take_room_for_values(LIST, one.hold_values)
    with pytest.raises(NoRoom):
        take_room_for_values(LIST, _as_api_error(other.hold_values))
    take_room_for_values(b"[1,2,3]", other.hold_values)  # few take none
    one.release()
    take_room_for_values(LIST, other.hold_values)
