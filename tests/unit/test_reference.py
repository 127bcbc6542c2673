"""The README's reference of the resource is the one that the CRD gives."""

import yaml
from reference import ROOT, reference, with_reference


def test_readme_holds_the_reference_of_the_crd() -> None:
    readme = (ROOT / "README.md").read_text()
    crd = yaml.safe_load((ROOT / "crds/ragpipelines.yaml").read_text())
    assert with_reference(readme, reference(crd)) == readme, "run `make reference`"


def test_each_block_of_the_spec_is_described() -> None:
    crd = yaml.safe_load((ROOT / "crds/ragpipelines.yaml").read_text())
    text = reference(crd)
    for block in (
        "api",
        "workers",
        "ingestion",
        "queue",
        "embedding",
        "llm",
        "retrieval",
        "vectorStore",
        "storage",
    ):
        assert f"**`spec.{block}`**" in text
    assert "| `managed.autoscaling.maxReplicas` | integer | required |" in text
