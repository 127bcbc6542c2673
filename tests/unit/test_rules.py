"""The rules of the resource: a sentence each, a row each for the API server, and no regular expression."""

import re

import pytest
from tests.specs.places import SPECS, fields, nodes, placed, ruled
from tests.specs.rows import ROWS, rows

from rag_operator.pipeline import RagPipeline, Spec


def test_every_rule_has_rows_at_every_place_where_it_stands() -> None:
    assert set(ruled()) == {(row.place, row.sentence) for row in rows()}
    assert {(row.place, row.sentence) for row in ROWS} <= set(ruled())


def test_what_is_refused_is_never_told_by_an_expression() -> None:
    for place, schema in nodes():
        assert not {"pattern", "not", "anyOf", "oneOf"} & schema.keys(), place
    for place, sentence in ruled():
        assert not set("^$\\") & set(sentence), place


@pytest.mark.parametrize("place", [place for place, _ in fields()])
def test_every_field_has_a_value_in_some_spec(place: str) -> None:
    placed(place, "another")


@pytest.mark.parametrize("spec", SPECS)
def test_the_specs_have_no_field_that_the_resource_has_not(spec: dict[str, object]) -> None:
    Spec.model_validate(spec, extra="forbid")


def test_no_rule_stands_at_the_resource_itself_but_for_new_ones() -> None:
    root = dict(nodes())[""]
    for rule in root["x-kubernetes-validations"]:
        assert rule["optionalOldSelf"]
        assert rule["rule"].startswith("oldSelf.hasValue() || ")


def test_the_rules_fit_the_budget_of_the_oldest_kubernetes_that_is_served() -> None:
    """Before 1.34 each function that reads an amount is estimated at a tenth of three megabytes."""
    rules = [rule["rule"] for _, node in nodes() for rule in node.get("x-kubernetes-validations", [])]
    reads = sum(_turns(rule) * len(re.findall(r"uantity\(self(\.\w+)?\[", rule)) for rule in rules)
    assert reads * 3 * 2**20 / 10 < 98_000_000


def _turns(rule: str) -> int:
    """Return how often a rule about amounts is estimated to read one: a map has up to eight."""
    loops = {"self.": 8, "['cpu', 'memory', 'ephemeral-storage'].": 3, "['memory'].": 1}
    return next((turns for start, turns in loops.items() if rule.startswith(start)), 0)


@pytest.mark.parametrize("amount", [-5, "-5Gi", "many", "", "nan"])
def test_an_amount_that_was_stored_before_the_rules_is_refused_with_its_sentence(amount: object) -> None:
    found = placed("spec.api.resources.limits", {"memory": amount})
    with pytest.raises(ValueError, match="it must be amounts such as 500m of cpu"):
        RagPipeline.model_validate(found)
