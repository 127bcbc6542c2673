"""What is in an image, as a CycloneDX bill of materials: read from the image, not from what made it.

The same image gives the same bill: it has no date and no number of its own.
"""

import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import quote

Component = dict[str, object]

_DEBIAN = PurePosixPath("/var/lib/dpkg/status")
_MODEL = PurePosixPath("/models")
_CP = PurePosixPath("/bin/cp")  # BusyBox, in the image of a model
_GONE = ".wh."  # how a layer says that a file of those below it is removed


@dataclass(frozen=True)
class Contents:
    """What an image says of itself, and those of its files that tell what is in it."""

    labels: Mapping[str, str]
    files: Mapping[PurePosixPath, bytes]


def read(archive: Path) -> Contents:
    """Return what a docker-archive holds, each layer over those below it."""
    files: dict[PurePosixPath, bytes] = {}
    with tarfile.open(archive) as image:
        manifest = json.load(_opened(image, "manifest.json"))[0]
        labels = json.load(_opened(image, manifest["Config"]))["config"].get("Labels")
        for name in manifest["Layers"]:
            with tarfile.open(fileobj=_opened(image, name)) as layer:
                _lay(layer, files)
    return Contents(labels or {}, files)


def bill(contents: Contents, name: str, version: str, model: str) -> Component:
    """Return an image's bill of materials; `model` is what its files in /models are called, if it has any."""
    licenses = contents.labels.get("org.opencontainers.image.licenses")
    image: Component = {"type": "container", "bom-ref": name, "name": name, "version": version}
    if licenses:
        image["licenses"] = [{"expression": licenses}]
    components = {str(each["bom-ref"]): each for each in _components(contents.files, model)}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": image},
        "components": [components[reference] for reference in sorted(components)],
    }


def _opened(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    stream = archive.extractfile(name)
    if stream is None:
        raise ValueError(f"{name} is no file")
    return stream


def _lay(layer: tarfile.TarFile, files: dict[PurePosixPath, bytes]) -> None:
    """Put a layer over the files of those below it; what it removes is theirs alone, wherever it says so."""
    members = {PurePosixPath("/", member.name): member for member in layer}
    for path in members:
        if path.name.startswith(_GONE):
            opaque = path.name == f"{_GONE}{_GONE}.opq"
            gone = path.parent if opaque else path.with_name(path.name.removeprefix(_GONE))
            for file in [file for file in files if file.is_relative_to(gone)]:
                del files[file]
    for path, member in members.items():
        if _tells(path) and (member.isreg() or member.islnk()):
            files[path] = _opened(layer, member.name).read()


def _tells(path: PurePosixPath) -> bool:
    if path.name.startswith(_GONE):
        return False
    return path in (_DEBIAN, _CP) or path.match("*.dist-info/METADATA") or path.is_relative_to(_MODEL)


def _components(files: Mapping[PurePosixPath, bytes], model: str) -> Iterator[Component]:
    for path, content in files.items():
        if path.match("*.dist-info/METADATA"):
            yield _distribution(HeaderParser().parsestr(content.decode()))
    for stanza in files.get(_DEBIAN, b"").decode().split("\n\n"):
        package = HeaderParser().parsestr(stanza.lstrip())
        if package["Status"] == "install ok installed":
            yield _package(package)
    if busybox := re.search(rb"BusyBox v([0-9.]+)", files.get(_CP, b"")):
        version = busybox[1].decode()
        yield _component("application", f"pkg:generic/busybox@{version}", "busybox", version, "GPL-2.0-only")
    parts = [_file(path, files[path]) for path in sorted(files) if path.is_relative_to(_MODEL)]
    if parts:
        yield {"type": "machine-learning-model", "bom-ref": model, "name": model, "components": parts}


def _distribution(metadata: Message) -> Component:
    name, version = str(metadata["Name"]), str(metadata["Version"])
    purl = f"pkg:pypi/{re.sub('[-_.]+', '-', name).lower()}@{quote(version, safe='')}"
    component = _component("library", purl, name, version, metadata["License-Expression"])
    classifiers = metadata.get_all("Classifier", [])
    named = [each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License :: ")]
    words = str(metadata["License"] or "").splitlines()
    if len(words) == 1:  # else it is the whole text of one
        named = words
    if "licenses" not in component and named:
        component["licenses"] = [{"license": {"name": each}} for each in named]
    return component


def _package(package: Message) -> Component:
    name, version = str(package["Package"]), str(package["Version"])
    purl = f"pkg:deb/debian/{quote(name, safe='')}@{quote(version, safe='')}?arch={package['Architecture']}"
    return _component("library", purl, name, version, None)


def _component(kind: str, purl: str, name: str, version: str, expression: str | None) -> Component:
    component: Component = {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl}
    if expression:
        component["licenses"] = [{"expression": expression}]
    return component


def _file(path: PurePosixPath, content: bytes) -> Component:
    hashes = [{"alg": "SHA-256", "content": sha256(content).hexdigest()}]
    return {"type": "file", "bom-ref": str(path), "name": str(path), "hashes": hashes}
