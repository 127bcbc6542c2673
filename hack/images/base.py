"""A base image made from this machine's own Debian mirror, in place of one from a registry.

It holds what `python:3-slim` holds for us: a Python with `venv`, certificates, and apt for the build stages.
"""

import tempfile
from hashlib import sha256
from pathlib import Path

from images.engines import Buildah, require, run

_DOCKERFILE = 'FROM scratch\nADD base.tar /\nCMD ["python3"]\n'
_PACKAGES = "python3,python3-venv,ca-certificates,usr-is-merged"
_OPTIONS = [
    "--variant=minbase",
    f"--include={_PACKAGES}",
    "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",  # else a package that merges /usr brings all of Perl
    '--aptopt=APT::Install-Recommends "false"',
    '--aptopt=Dir::Cache::pkgcache ""',
    '--aptopt=Dir::Cache::srcpkgcache ""',
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    # a package that is installed into the image later must not start its service in the build
    r'--customize-hook=printf "#!/bin/sh\nexit 101\n" >"$1/usr/sbin/policy-rc.d"',
    '--customize-hook=chmod 0755 "$1/usr/sbin/policy-rc.d"',
]


def base_image(buildah: Buildah) -> str:
    """The reference of the base image, built the first time: half a minute."""
    sources = _sources()
    content = sha256(f"{_DOCKERFILE} {_OPTIONS} {sources}".encode()).hexdigest()[:12]
    reference = f"localhost/debian-python:{content}"
    if not buildah.size(reference):
        require("mmdebstrap")
        with tempfile.TemporaryDirectory() as folder:
            context = Path(folder)
            (context / "Dockerfile").write_text(_DOCKERFILE)
            run("mmdebstrap", *_OPTIONS, "", str(context / "base.tar"), "-", stdin=sources)
            buildah.build(reference, context / "Dockerfile", context, {})
    return reference


def _sources() -> str:
    """The Debian part of the machine's apt sources, in one-line style."""
    lines = "deb $(REPO_URI) $(CODENAME) $(COMPONENT)"
    return run("apt-get", "indextargets", "--format", lines, "Identifier: Packages", "Origin: Debian")
