"""Images in the node's containerd, and the two that the cluster itself needs."""

import contextlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from hashlib import sha256
from pathlib import Path

from cluster.build import digest, folder
from cluster.config import CACHE, MANIFESTS, SOCKET, ClusterError


def ctr(*arguments: str) -> str:
    """Run containerd's own client in the namespace that the kubelet uses."""
    command = ["ctr", "--address", str(SOCKET), "--namespace", "k8s.io", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise ClusterError(f"ctr {' '.join(arguments[:2])} failed: {result.stderr.strip()}")
    return result.stdout


def present() -> dict[str, str]:
    """Every image reference in the node with its digest."""
    rows = (line.split() for line in ctr("images", "list").splitlines()[1:])
    return {row[0]: row[2] for row in rows}


def load(archive: Path) -> bool:
    """Import a docker-archive tar; False when the node holds exactly that image already."""
    with tarfile.open(archive) as tar:
        manifest = tar.extractfile("manifest.json")
        assert manifest is not None
        images = json.load(manifest)
    here = present()
    # the kubelet's plugin names every image by the digest of its configuration too
    wanted = [(tag, f"sha256:{Path(image['Config']).stem}") for image in images for tag in image["RepoTags"]]
    if all(tag in here and here[tag] == here.get(config) for tag, config in wanted):
        return False
    ctr("images", "import", str(archive))
    return True


def load_pause() -> None:
    """The image of every pod's sandbox."""
    busybox = Path(shutil.which("busybox") or "/bin/busybox")
    load(_archive("pause", "localhost/pause:1", [folder("pause") / "pause", busybox]))


def load_built(module: str, *binaries: str) -> str:
    """The image of binaries that a module was built to; returns its tag."""
    tag = digest(module)
    load(_archive(module, f"localhost/{module}:{tag}", [folder(module) / name for name in binaries]))
    return tag


def _archive(name: str, reference: str, files: list[Path]) -> Path:
    """Build an image of a few static binaries, once for each version of them."""
    dockerfile = MANIFESTS / "images" / f"{name}.Dockerfile"
    content = sha256(f"{digest(name)} {dockerfile.read_text()}".encode()).hexdigest()[:12]
    archive = CACHE / "bin" / f"{name}-{content}.tar"
    if archive.exists():
        return archive
    environment = os.environ | {"BUILDAH_ISOLATION": "chroot"}
    with tempfile.TemporaryDirectory() as context:
        for file in files:
            shutil.copy(file, context)
        partial = archive.with_suffix(f".{os.getpid()}")
        for command in (
            ["buildah", "build", "--quiet", "--file", str(dockerfile), "--tag", reference, context],
            ["buildah", "push", "--quiet", reference, f"docker-archive:{partial}:{reference}"],
        ):
            if (
                result := subprocess.run(
                    command, env=environment, capture_output=True, text=True, check=False
                )
            ).returncode:
                raise ClusterError(f"{' '.join(command[:2])} of {name} failed: {result.stderr.strip()}")
    partial.rename(archive)
    return archive


def remove_containers() -> None:
    """Kill every container and remove what containerd knows of it."""
    for _ in range(10):  # some may just be starting or ending
        containers = ctr("containers", "list", "--quiet").split()
        for container in containers:
            with contextlib.suppress(ClusterError):  # it has no task
                ctr("tasks", "delete", "--force", container)
            with contextlib.suppress(ClusterError):
                ctr("containers", "delete", container)
        if not containers:
            return
    raise ClusterError(f"containers that cannot be removed: {' '.join(containers)}")
