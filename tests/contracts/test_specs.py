"""docs/specs is what the tables say, and its examples can be deployed."""

import pytest
import yaml

from eventlane.configuration import ROOT
from pipelines.models import Resource
from pipelines.resources.deploy import deploy
from pipelines.resources.reference import examples, meanings, members_of, page
from tests.factories import make_house


@pytest.mark.parametrize("kind", Resource.Type.values)
def test_page_is_current_and_tells_of_every_member(kind: str) -> None:
    assert (ROOT / "docs" / "specs" / f"{kind}.md").read_text() == page(kind), f"run: manage.py specs {kind} > …"
    assert [place for place, _ in members_of(kind)] == [*meanings(kind)]


def test_examples_can_be_deployed(db: None) -> None:
    deploy(make_house("acme", "alice").project, [yaml.safe_load(example) for example in examples().values()])
    assert Resource.objects.count() == len(Resource.Type.values)
