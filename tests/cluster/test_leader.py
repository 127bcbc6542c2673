"""Two operators at once: one of them writes, and one that was paused for too long never does again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.kube import NAME, Kube, pipeline
from tests.cluster.own_operator import OwnOperator
from tests.patience import eventually

API = f"{NAME}-api"


def image(kube: Kube) -> str:
    """Return the image of the API's Deployment."""
    found = kube.get("deployment", API)
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"]) if found else ""


def leads(operator: OwnOperator) -> bool:
    return '"leading"' in operator.log


@pytest.fixture
def two(kube: Kube, own_operator: OwnOperator, tmp_path: Path) -> Iterator[tuple[OwnOperator, OwnOperator]]:
    """Two operators, of which the first leads, in place of the one of all tests."""
    own_operator.kill()
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        operator = OwnOperator(kube.kubeconfig, tmp_path / name, RAG_OPERATOR_LEASE_NAMESPACE=kube.namespace)
        operator.start()
        made.append(operator)
        if name == "one":
            eventually(lambda: leads(made[0]))
    try:
        yield made[0], made[1]
    finally:
        for operator in made:
            operator.resume()
            if not operator.ended:
                operator.kill()
        own_operator.start()


def test_of_two_operators_one_writes_and_one_that_was_paused_never_again(
    kube: Kube, two: tuple[OwnOperator, OwnOperator]
) -> None:
    one, other = two
    kube.apply(pipeline(images={"api": "api:1"}))
    eventually(lambda: image(kube) == "api:1")
    assert not leads(other)
    one.pause()
    eventually(lambda: leads(other))
    other.pause()
    kube.patch("ragpipeline", NAME, {"spec": {"images": {"api": "api:2"}}})
    one.resume()
    eventually(lambda: one.ended)
    assert image(kube) == "api:1"
    other.resume()
    eventually(lambda: image(kube) == "api:2")
    assert '"action": "create Secret' not in other.log
