"""kubectl for tests, and waiting."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from tests.cluster.api_server import binary
from tests.patience import eventually

Manifest = dict[str, Any]
NAME = "demo"
MINILM = "sentence-transformers/all-MiniLM-L6-v2"


class Refused(Exception):
    """kubectl failed; the text is what it said."""


class Kube:
    """kubectl in one namespace."""

    def __init__(self, kubeconfig: Path, namespace: str = "default") -> None:
        self.kubeconfig = kubeconfig
        self.namespace = namespace

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl and return what it prints; raise Refused if it fails."""
        command = [binary("kubectl"), f"--kubeconfig={self.kubeconfig}", f"--namespace={self.namespace}"]
        done = subprocess.run(
            [*command, *arguments], input=stdin, check=False, capture_output=True, text=True
        )
        if done.returncode:
            raise Refused(done.stderr.strip())
        return done.stdout

    def apply(self, manifest: Manifest, *flags: str) -> str:
        """Apply a manifest."""
        return self("apply", "-f", "-", *flags, stdin=json.dumps(manifest))

    def get(self, kind: str, name: str) -> Manifest | None:
        """Return an object, or None if there is none."""
        found = self("get", kind, name, "--ignore-not-found", "--output=json", "--show-managed-fields")
        return cast(Manifest, json.loads(found)) if found else None

    def list(self, kinds: str, selector: str = "") -> list[Manifest]:
        """Return the objects of some kinds."""
        found = self("get", kinds, f"--selector={selector}", "--output=json")
        return cast(list[Manifest], json.loads(found)["items"])

    def patch(self, kind: str, name: str, change: Mapping[str, Any], *flags: str) -> None:
        """Merge a change into an object."""
        self("patch", kind, name, "--type=merge", "--patch", json.dumps(change), *flags)

    def delete(self, kind: str, name: str) -> None:
        """Delete an object without waiting: kubectl may wait for ever where it is made again at once."""
        self("delete", kind, name, "--wait=false")

    def condition(self, kind: str, name: str = NAME) -> Manifest | None:
        """Return one condition of a pipeline."""
        pipeline = self.get("ragpipeline", name)
        found = (pipeline or {}).get("status", {}).get("conditions", [])
        return next((each for each in found if each["type"] == kind), None)


def established(kube: Kube, *definitions: str) -> None:
    """Wait until the API server serves the kinds of definitions; kubectl fails on one without conditions."""

    def served() -> bool:
        try:
            kube("wait", "--for=condition=Established", "crd", *definitions)
        except Refused:
            return False
        return True

    eventually(served)


def accepts(kube: Kube, manifest: Manifest, *flags: str) -> bool:
    """Apply a manifest and return whether it was accepted."""
    try:
        kube.apply(manifest, *flags)
    except Refused:
        return False
    return True


def store(kube: Kube, manifest: Manifest) -> None:
    """Apply a pipeline under a CRD that was changed, which takes a moment until it is served."""
    eventually(lambda: accepts(kube, manifest))


def pipeline(name: str = NAME, **spec: Any) -> Manifest:
    """Return a RagPipeline; keyword arguments replace parts of a minimal spec."""
    minimal: Manifest = {
        "vectorStore": {"collection": "docs", "managed": {}},
        "embedding": {"model": MINILM, "managed": {}},
    }
    return {
        "apiVersion": "ragpipeline.dev/v1alpha1",
        "kind": "RagPipeline",
        "metadata": {"name": name},
        "spec": {**minimal, **spec},
    }
