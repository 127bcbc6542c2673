"""What builds images: a Docker engine, or buildah. A reference is `name:tag`."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

_CERTIFICATES = "/etc/ssl/certs"
# Docker before 23 needs the first for BuildKit; kind loads no image with an attestation (its issue 3795).
_BUILDKIT = {"DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
_DOCKER_ADVICE = (
    "Docker fetches a base image and Python packages for this: see whether `docker pull"
    " python:3.12-slim-bookworm` works and `docker system df` shows room, then run this again"
)


class BuildError(Exception):
    """Something that the user can read and act on; printed without a traceback."""


class Engine(Protocol):
    """The same few verbs over either tool."""

    def size(self, reference: str) -> str | None:
        """The size of an image for a reader, or None when there is no such image."""

    def build(self, reference: str, dockerfile: Path, context: Path, arguments: Mapping[str, str]) -> None:
        """Build a Dockerfile."""

    def save(self, reference: str, archive: Path) -> None:
        """Write an image to a docker-archive tar."""

    def push(self, reference: str, target: str) -> str:
        """Push an image under another reference; return its digest there, `sha256:...`."""


class Docker:
    """A Docker engine."""

    def size(self, reference: str) -> str | None:
        """See `Engine`."""
        return run("docker", "images", "--format", "{{.Size}}", reference).strip() or None

    def build(self, reference: str, dockerfile: Path, context: Path, arguments: Mapping[str, str]) -> None:
        """See `Engine`."""
        try:
            run("docker", "build", *_flags(reference, dockerfile, arguments), str(context), env=_BUILDKIT)
        except BuildError as error:
            raise BuildError(f"{error}\n{_DOCKER_ADVICE}") from error

    def save(self, reference: str, archive: Path) -> None:
        """See `Engine`."""
        run("docker", "save", "--output", str(archive), reference)

    def push(self, reference: str, target: str) -> str:
        """See `Engine`."""
        run("docker", "tag", reference, target)
        run("docker", "push", target)
        shown = run("docker", "image", "inspect", "--format", "{{json .RepoDigests}}", target)
        known: list[str] = json.loads(shown)
        repository = target.rpartition(":")[0]  # it may have been pushed to other registries too
        return next(each.partition("@")[2] for each in known if each.partition("@")[0] == repository)


class Buildah:
    """buildah as root, which needs no daemon."""

    def size(self, reference: str) -> str | None:
        """See `Engine`."""
        command = ["buildah", "images", "--format", "{{.Size}}", reference]
        sizes = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
        return sizes[0] if sizes else None  # a line for each tag of the same image

    def build(self, reference: str, dockerfile: Path, context: Path, arguments: Mapping[str, str]) -> None:
        """See `Engine`. The build borrows this machine's certificates: it may have its own authority."""
        local = ("--layers", "--isolation=chroot", f"--volume={_CERTIFICATES}:{_CERTIFICATES}:ro")
        run("buildah", "build", *local, *_flags(reference, dockerfile, arguments), str(context))

    def save(self, reference: str, archive: Path) -> None:
        """See `Engine`."""
        run("buildah", "push", "--quiet", reference, f"docker-archive:{archive}:{reference}")

    def push(self, reference: str, target: str) -> str:
        """See `Engine`. Like Docker, asks for no TLS on this machine's own address."""
        tls = "false" if target.startswith(("127.0.0.1:", "localhost:")) else "true"
        with tempfile.NamedTemporaryFile("r") as digest:
            flags = ("--quiet", f"--tls-verify={tls}", f"--digestfile={digest.name}")
            run("buildah", "push", *flags, reference, f"docker://{target}")
            return digest.read().strip()


def engine() -> Engine:
    """The Docker engine when one answers, else buildah, which is installed if it has to be."""
    if (
        shutil.which("docker")
        and not subprocess.run(["docker", "info"], capture_output=True, check=False).returncode
    ):
        return Docker()
    require("buildah")
    return Buildah()


def require(package: str) -> None:
    """Install a Debian package whose command is not there."""
    if shutil.which(package):
        return
    if os.geteuid() or not shutil.which("apt-get"):
        raise BuildError(f"no Docker engine answers, and {package} is missing and cannot be installed")
    print(f"installing {package}", flush=True)
    run("apt-get", "-qq", "update")
    run("apt-get", "-qq", "install", "--yes", "--no-install-recommends", package)


def run(*command: str, stdin: str | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a command and return its output; raises `BuildError` with the last lines of its complaint.

    `env` is added to this process's environment.
    """
    environment = os.environ | dict(env or {})
    result = subprocess.run(
        command, input=stdin, env=environment, capture_output=True, text=True, check=False
    )
    if result.returncode:
        tail = "\n".join((result.stdout + result.stderr).splitlines()[-25:])
        raise BuildError(f"{' '.join(command[:2])} failed:\n{tail}")
    return result.stdout


def _flags(reference: str, dockerfile: Path, arguments: Mapping[str, str]) -> list[str]:
    build_arguments = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    return [f"--file={dockerfile}", f"--tag={reference}", *build_arguments]
