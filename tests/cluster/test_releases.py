"""Released manifests are pinned by a hash, which the sources that we compile have or make again."""

import re
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

from cluster.build import binary, build, folder
from demo.released import KEDA, PROMETHEUS_OPERATOR

# What KEDA's `make release` writes into its sources before kustomize puts them together.
STAMPED = {
    "manager/kustomization.yaml": "newTag: ",
    "metrics-server/kustomization.yaml": "newTag: ",
    "minimal/kustomize-config/metadataLabelTransformer.yaml": "version: ",
}


def test_pinned_manifests_of_keda_are_what_its_sources_make(tmp_path: Path) -> None:
    build(["kubernetes", "keda"])
    config = tmp_path / "config"
    shutil.copytree(folder("keda") / "config", config, copy_function=shutil.copyfile)
    for name, field in STAMPED.items():
        stamped, times = re.subn(f"{field}.*", f"{field}{KEDA.version}", (config / name).read_text())
        assert times == 1
        (config / name).write_text(stamped)
    made = subprocess.run(
        [binary("kubectl"), "kustomize", str(config / "minimal")], check=True, capture_output=True
    ).stdout
    assert sha256(made).hexdigest() == KEDA.sha256


def test_pinned_manifests_of_the_prometheus_operator_are_those_of_its_sources() -> None:
    build(["prometheus-operator"])
    bundle = folder("prometheus-operator") / "bundle.yaml"
    assert sha256(bundle.read_bytes()).hexdigest() == PROMETHEUS_OPERATOR.sha256
