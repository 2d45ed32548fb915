"""What the supervisor does with children that die."""

import io

from eventlane.children import LogStream
from eventlane.configuration import read_settings
from eventlane.supervisor import Supervisor


def test_web_that_keeps_dying_is_started_again_within_two_seconds():
    supervisor = Supervisor(read_settings({}), LogStream(io.BytesIO()))
    assert [supervisor.web.next_delay(0.0) for _ in range(6)] == [0.5, 1, 2, 2, 2, 2]
    assert [supervisor.sealer.next_delay(0.0) for _ in range(8)][-1] == 30
