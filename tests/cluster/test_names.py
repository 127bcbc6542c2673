"""No name in a pipeline leads out of its namespace, whether the CRD refuses it or has never seen it."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.cluster.kube import MINILM, NAME, Kube, Manifest, Refused, pipeline, store
from tests.patience import eventually

BAD_NAMES = [
    "../../victim/secrets/crown",
    "%2e%2e/%2e%2e/victim/secrets/crown",
    "../configmaps/x",
    "a/b",
    "..",
    "Crown",
]
BAD_KEYS = ["..", ".", "a/b", "a b"]
NAME_SENTENCE = "must be the plain name of an object: lower-case letters, digits, dashes and dots"
KEY_SENTENCE = "must be a key of a Secret: letters, digits, dashes, underscores and dots"


def references(reference: Manifest) -> dict[str, Manifest]:
    """Return a spec for each place in which a pipeline refers to a Secret."""
    secret = {"apiKeySecretRef": reference}
    return {
        "queue": {"queue": {"external": {"urlSecretRef": reference}}},
        "vectorStore": {
            "vectorStore": {"collection": "docs", "external": {"url": "https://qdrant", **secret}}
        },
        "api": {"api": {"auth": secret}},
        "embedding": {"embedding": {"model": MINILM, "external": {"url": "http://tei", **secret}}},
        "llm": {"llm": {"external": {"url": "http://vllm/v1", "model": "m", **secret}}},
    }


def names(name: str) -> dict[str, Manifest]:
    """Return a spec for each place in which a pipeline names an object."""
    return {
        **references({"name": name, "key": "jewel"}),
        "pull secret": {"images": {"pullSecrets": [{"name": name}]}},
        "storage class": {"storage": {"managed": {"storageClassName": name}}},
    }


@pytest.mark.parametrize("place", names(""))
def test_a_bad_name_is_refused_with_a_sentence(kube: Kube, place: str) -> None:
    kube.apply(pipeline(**names("crown.jewels-1")[place]), "--dry-run=server")
    for name in BAD_NAMES:
        with pytest.raises(Refused, match=NAME_SENTENCE):
            kube.apply(pipeline(**names(name)[place]), "--dry-run=server")


@pytest.mark.parametrize("place", references({}))
def test_a_bad_key_is_refused_with_a_sentence(kube: Kube, place: str) -> None:
    kube.apply(pipeline(**references({"name": "crown", "key": ".a-B_9"})[place]), "--dry-run=server")
    for key in BAD_KEYS:
        with pytest.raises(Refused, match=KEY_SENTENCE):
            kube.apply(pipeline(**references({"name": "crown", "key": key})[place]), "--dry-run=server")


@pytest.fixture
def victim(crd: Kube) -> Iterator[str]:
    """A namespace of somebody else, with a Secret."""
    name = f"victim-{uuid4().hex[:8]}"
    crd("create", "namespace", name)
    Kube(crd.kubeconfig, name)("create", "secret", "generic", "crown", "--from-literal=jewel=redis://stolen")
    yield name
    crd("delete", "namespace", name, "--wait=false")


@pytest.mark.usefixtures("operator", "unruled")
@pytest.mark.parametrize("up", ["../..", "%2e%2e/%2e%2e", "..%2f.."])
def test_no_secret_of_another_namespace_is_read(kube: Kube, victim: str, up: str) -> None:
    stolen = f"{up}/{victim}/secrets/crown"
    specs = references({"name": stolen, "key": "jewel"})
    for place, spec in specs.items():
        store(kube, pipeline(name=place.lower(), **spec))
    for place in specs:
        condition = refusal(kube, place.lower())
        assert condition["message"].startswith(f"'{stolen}' is no name of a Secret; it {NAME_SENTENCE}")
    assert kube.list("secrets,deployments") == []


@pytest.mark.usefixtures("operator", "unruled")
@pytest.mark.parametrize("name", ["a/b", "../configmaps/x"])
def test_a_name_that_was_stored_before_the_rules_gets_a_status(kube: Kube, name: str) -> None:
    store(kube, pipeline(**references({"name": name, "key": "key"})["queue"]))
    condition = refusal(kube, NAME)
    ready = kube.condition("Ready")
    assert ready
    assert (ready["status"], ready["message"]) == ("False", condition["message"])


def refusal(kube: Kube, name: str) -> Manifest:
    """Return the condition that says why a pipeline's Secrets are not read."""
    condition = eventually(lambda: kube.condition("SecretsResolved", name))
    assert (condition["status"], condition["reason"]) == ("False", "InvalidSecretReference")
    return condition
