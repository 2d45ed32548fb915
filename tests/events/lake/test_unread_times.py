"""Events whose time can't be read get the time of receipt, and are counted: the reply says nothing of them."""

import pytest

from events.lake import seal
from events.models import Dataset, UnreadTimes
from projects.models import Account
from tests.console import logged_in
from tests.events.lake.conftest import Node
from tests.factories import make_account

READ = ['{"timestamp":"2026-07-01T12:30:15Z"}', '{"timestamp":"soon","time":1782909015}', '{"timestamp":null}', "{}"]
UNREAD = ['{"timestamp":"soon"}', '{"time":"1 o\'clock","ts":[1]}', '{"timestamp":1e300}']


@pytest.mark.parametrize("staged", [seal.STAGED_EVENTS, 0], ids=["staged with other datasets", "by itself"])
def test_unread_times_are_counted(node: Node, staged: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "STAGED_EVENTS", staged)
    other = Dataset.objects.create(project=node.dataset.project, name="other")
    node.write(*READ * 40)
    node.write(*READ, dataset=other)
    node.seal()
    assert not UnreadTimes.objects.exists()
    for _ in range(2):
        node.write(*READ, *UNREAD * 50)
        node.write(*UNREAD[:1], *READ, dataset=other)
        node.seal()
    assert {row.dataset_id: row.events for row in UnreadTimes.objects.all()} == {node.dataset.id: 300, other.id: 2}
    assert len(node.rows()) == 168 + 300
    other.delete()
    assert UnreadTimes.objects.count() == 1


def test_page_of_the_dataset_says_how_many(node: Node) -> None:
    alice = logged_in(make_account(node.dataset.project.organization, "alice", role=Account.Role.ADMIN))
    address = f"/console/events/dataset/{node.dataset.id}/change/"
    assert "Unreadable times" in alice.get(address).content.decode()
    node.write(*UNREAD)
    node.seal()
    assert "3 events have their time of receipt instead, the latest since 20" in alice.get(address).content.decode()
