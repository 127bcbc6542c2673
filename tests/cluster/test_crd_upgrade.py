"""What the CRD of the last release accepted: it stays, gets a status, and can be changed in other places.

`releases/<version>/` has that CRD, and its examples. Where its successor refuses a value, only a change of
that value is refused.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from rag_operator.names import PIPELINE
from tests.cluster.asking import Asking, Refusal
from tests.cluster.conftest import ROOT
from tests.cluster.kube import Kube, Manifest
from tests.patience import eventually
from tests.specs.places import placed
from tests.specs.rows import rows

RELEASE = Path(__file__).parent / "releases" / "0.1.0"
EXAMPLES = ("quickstart", "production", "chinese")
# Accepted by that CRD, and refused by its successor: by this one sees which of them is served.
LITTLE_MEMORY = placed("spec.api.resources.limits", {"memory": 512})
STATUS: Manifest = {"observedGeneration": 1, "documents": 1}


@pytest.fixture
def last_release(crd: Kube, server: Asking) -> Iterator[None]:
    """The CRD of the last release, until a test upgrades it."""
    crd("apply", "--server-side", "--force-conflicts", "-f", str(RELEASE / "crd.yaml"))
    eventually(lambda: _accepts(server, LITTLE_MEMORY))
    yield
    _upgrade(crd, server)


def _upgrade(crd: Kube, server: Asking) -> None:
    crd("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    eventually(lambda: not _accepts(server, LITTLE_MEMORY))


def _accepts(server: Asking, pipeline: Manifest) -> bool:
    try:
        server.create(pipeline)
    except Refusal:
        return False
    return True


def _refused_now(server: Asking) -> list[Manifest]:
    """Return a pipeline for each value that a rule refuses, of those that the server accepts."""
    refused = [placed(row.place, row.refused) for row in rows() if row.before is None]
    for number, pipeline in enumerate(refused):
        pipeline["metadata"]["name"] += f"-{number}"
    return [each for each in refused if _accepts(server, each)]


@pytest.mark.usefixtures("last_release")
def test_what_was_stored_under_the_last_release_still_gets_a_status_and_other_values(
    crd: Kube, server: Asking
) -> None:
    examples = [yaml.safe_load((RELEASE / f"{name}.yaml").read_text()) for name in EXAMPLES]
    refused_now = _refused_now(server)
    assert len(refused_now) > len(EXAMPLES)
    for each in [*examples, *refused_now]:
        server.create(each, dry=False)
    _upgrade(crd, server)
    wrong = {}
    for name in (each["metadata"]["name"] for each in [*examples, *refused_now]):
        try:
            server.write_status(server.get(PIPELINE, name), STATUS)
            stored = server.get(PIPELINE, name)
            server.replace({**stored, "spec": {**stored["spec"], "suspend": True}})
        except Refusal as refusal:
            wrong[name] = str(refusal)
    assert wrong == {}
