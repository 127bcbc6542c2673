"""Pinned Go modules to static binaries, cached outside the checkout by the hash of what makes them."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

from cluster.config import CACHE, KUBE_VERSION, MODULES, ClusterError, exclusive
from cluster.toolchain import go

# The longest first, so that the short ones fill the second core; what is absent is built when asked for.
ALL = (
    "keda",
    "kubernetes",
    "coredns",
    "prometheus-operator",
    "prometheus",
    "helm",
    "storage",
    "etcd",
    "pause",
)
NODE = ("kubernetes", "etcd", "coredns", "storage", "pause")

_VERSION = {
    "gitVersion": KUBE_VERSION,
    "gitMajor": "1",
    "gitMinor": KUBE_VERSION.split(".")[1],
    "gitTreeState": "clean",
}
_STAMPS = " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in _VERSION.items())
# Debug information that the linker would only strip again costs a sixth of the compiler's time.
_FLAGS = ["-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false", "-ldflags", f"-s -w {_STAMPS}"]
# Clients of clouds are more than half of what Prometheus is made of; here it looks for pods alone.
_TAGS = {"prometheus": "remove_all_sd,enable_kubernetes_sd"}
_SAY_EVERY_SECONDS = 20
# 33 were measured (docs/benchmarks.md) before Prometheus, which took 4, and its operator, which is as large.
_CORE_MINUTES = 40
# Go names a command after its folder; these folders do not tell what the command is.
_RENAMES = {"etcd": {"server": "etcd"}, "keda": {"operator": "keda", "adapter": "keda-adapter"}}
# A module's own manifests travel with its binaries, so that the module cache may go.
_MANIFESTS = {
    "keda": ("github.com/kedacore/keda/v2", ["config"]),
    "contour": ("github.com/projectcontour/contour", ["examples"]),
    "prometheus-operator": (
        "github.com/prometheus-operator/prometheus-operator",
        ["bundle.yaml", "kustomization.yaml"],
    ),
}


def digest(module: str) -> str:
    """Twelve hex digits that change with the module's files and the build flags."""
    content = sha256(" ".join(_flags(module)).encode())
    for path in sorted((MODULES / module).iterdir()):
        content.update(path.name.encode() + path.read_bytes())
    return content.hexdigest()[:12]


def folder(module: str) -> Path:
    """Where the module's binaries are, or will be once `build` has run."""
    return CACHE / "bin" / f"{module}-{digest(module)}"


def binary(name: str, module: str = "kubernetes") -> str:
    """The path of one built command."""
    path = folder(module) / name
    if not path.exists():
        raise ClusterError(f"{name} is not built yet: run `hack/cluster/cluster build`")
    return str(path)


def source(module: str, required: str) -> Path:
    """The folder of a Go module that one of ours requires: fetched once, and compared with its hash."""
    told = json.loads(_go(go(), module, "mod", "download", "-json", required))
    return Path(told["Dir"])


def is_complete() -> bool:
    """Whether nothing is left to build."""
    return not _missing(ALL)


def outlook() -> str:
    """What is left to build, how long that takes, and why, in a line; empty when nothing is left."""
    if not (missing := _missing(ALL)):
        return ""
    cores = os.cpu_count() or 1
    minutes = max(1, round(_CORE_MINUTES / cores))
    return (
        f"compiling {', '.join(missing)} from pinned sources: up to {minutes} minutes with {cores} cores,"
        " the first time, because no Docker engine with kind brings them ready-made"
    )


def build(modules: Iterable[str]) -> None:
    """Build what is not in the cache, two modules at a time."""
    if not _missing(wanted := list(modules)):  # whatever others are being built meanwhile
        return
    with exclusive(CACHE / "bin"):
        if not (missing := _missing(wanted)):
            return
        for partial in (CACHE / "bin").glob("tmp*"):  # of a build that was killed
            shutil.rmtree(partial)
        compiler = go()
        print(f"building {' '.join(missing)}", flush=True)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda module: _build(compiler, module), missing))


def _flags(module: str) -> list[str]:
    return [*_FLAGS, f"-tags={_TAGS[module]}"] if module in _TAGS else _FLAGS


def _missing(modules: Iterable[str]) -> list[str]:
    return [module for module in modules if not folder(module).is_dir()]


def _build(compiler: str, module: str) -> None:
    started = time.monotonic()
    target = folder(module)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        partial = Path(scratch) / module
        _go(compiler, module, "build", "-v", *_flags(module), "-o", f"{partial}/", "tool")
        for name, better in _RENAMES.get(module, {}).items():
            (partial / name).rename(partial / better)
        if module in _MANIFESTS:
            required, names = _MANIFESTS[module]
            source = Path(_go(compiler, module, "list", "-m", "-f", "{{.Dir}}", required).strip())
            for name in names:
                copy = shutil.copytree if (source / name).is_dir() else shutil.copy
                copy(source / name, partial / name)
        partial.rename(target)
    print(f"built {module} in {time.monotonic() - started:.0f} s", flush=True)


def _go(compiler: str, module: str, *arguments: str) -> str:
    """Run a Go command in a module and return its output; what it compiles is said now and then."""
    environment = os.environ | {
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=readonly",
        "GOWORK": "off",
    }
    said, complaints = time.monotonic(), deque[str](maxlen=40)
    with (
        tempfile.TemporaryFile("w+") as output,
        subprocess.Popen(
            [compiler, *arguments],
            cwd=MODULES / module,
            env=environment,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stderr
        for packages, line in enumerate(process.stderr, 1):
            complaints.append(line)
            if time.monotonic() - said > _SAY_EVERY_SECONDS:
                said = time.monotonic()
                print(f"{module}: {packages} packages compiled, now {line.strip()}", flush=True)
        if process.wait():
            raise ClusterError(f"go {arguments[0]} of {module} failed:\n{''.join(complaints)}")
        output.seek(0)
        return output.read()
