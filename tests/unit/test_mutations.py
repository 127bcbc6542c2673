"""The odd resources: as many as asked for, the same ones in each run, and one of each field."""

import json

from tests.specs.mutations import MOST, mutations
from tests.specs.places import fields


def test_they_are_the_same_in_each_run() -> None:
    assert mutations() == mutations()
    assert len(mutations()) == MOST


def test_no_field_is_left_out() -> None:
    assert {each.place for each in mutations()} == {place for place, _ in fields()}


def test_none_is_there_twice() -> None:
    texts = [json.dumps(each, sort_keys=True) for each in mutations()]
    assert len(set(texts)) == len(texts)
