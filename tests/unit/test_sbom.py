"""What is said to be in an image: what its last layers hold, in CycloneDX's form."""

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from images.sbom import bill, read

VENV = "opt/venv/lib/python3.12/site-packages"
DEBIAN = """\
Package: libssl3
Status: install ok installed
Architecture: amd64
Version: 3.0.17-1~deb12u2
Description: libraries
 Status: not a field

Package: adduser
Status: deinstall ok config-files
Architecture: all
Version: 3.134

Package: passwd
Status: install ok installed
Architecture: amd64
Version: 1:4.13+dfsg1-1
"""
REDIS = "Metadata-Version: 2.4\nName: Redis_Client\nVersion: 7.0.1\nLicense-Expression: MIT\n\nName: a text\n"
OLD = "Metadata-Version: 2.1\nName: old\nVersion: 1\nClassifier: License :: OSI Approved :: BSD License\n"
OLDER = "Metadata-Version: 2.1\nName: older\nVersion: 2\nLicense: Apache 2.0\n"


def test_packages_and_distributions_are_listed(tmp_path: Path) -> None:
    layers = [
        {"var/lib/dpkg/status": "", f"{VENV}/gone-1.dist-info/METADATA": "Name: gone\nVersion: 1\n"},
        {"./var/lib/dpkg/status": DEBIAN, f"{VENV}/.wh.gone-1.dist-info": "", "etc/passwd": "root"},
        {
            f"{VENV}/redis-7.dist-info/METADATA": REDIS,
            f"{VENV}/old-1.dist-info/METADATA": OLD,
            f"{VENV}/older-2.dist-info/METADATA": OLDER,
        },
    ]
    listed = _bill(tmp_path, layers)
    assert listed["metadata"]["component"]["licenses"] == [{"expression": "Apache-2.0 AND MIT"}]
    assert [(each["purl"], each.get("licenses")) for each in listed["components"]] == [
        ("pkg:deb/debian/libssl3@3.0.17-1~deb12u2?arch=amd64", None),
        ("pkg:deb/debian/passwd@1%3A4.13%2Bdfsg1-1?arch=amd64", None),
        ("pkg:pypi/old@1", [{"license": {"name": "BSD License"}}]),
        ("pkg:pypi/older@2", [{"license": {"name": "Apache 2.0"}}]),
        ("pkg:pypi/redis-client@7.0.1", [{"expression": "MIT"}]),
    ]


def test_a_model_is_listed_with_its_files(tmp_path: Path) -> None:
    files = {
        "models/1_Pooling/config.json": "{}",
        "models/tokenizer.json": "[]",
        "bin/cp": "\0BusyBox v1.35.0 (Debian)",
    }
    busybox, model = _bill(tmp_path, [files])["components"]  # by their references
    assert (busybox["name"], busybox["version"]) == ("busybox", "1.35.0")
    assert model["name"] == "someone/a-model"
    assert [(each["name"], each["hashes"][0]["content"]) for each in model["components"]] == [
        ("/models/1_Pooling/config.json", sha256(b"{}").hexdigest()),
        ("/models/tokenizer.json", sha256(b"[]").hexdigest()),
    ]


def test_an_opaque_folder_hides_what_is_below_it_alone(tmp_path: Path) -> None:
    layers = [{"models/old.bin": "1"}, {"models/new.bin": "2", "models/.wh..wh..opq": ""}]
    (model,) = _bill(tmp_path, layers)["components"]
    assert [each["name"] for each in model["components"]] == ["/models/new.bin"]


def _bill(folder: Path, layers: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Return the bill of an image of these layers, as a reader of CycloneDX has it."""
    config = {"config": {"Labels": {"org.opencontainers.image.licenses": "Apache-2.0 AND MIT"}}}
    names = [f"{number}.tar" for number in range(len(layers))]
    image = {
        "manifest.json": json.dumps([{"Config": "config.json", "Layers": names}]).encode(),
        "config.json": json.dumps(config).encode(),
    }
    for name, layer in zip(names, layers, strict=True):
        image[name] = _tar({path: text.encode() for path, text in layer.items()})
    archive = folder / "image.tar"
    archive.write_bytes(_tar(image))
    written = json.dumps(bill(read(archive), "ragpipeline-thing", "0123456789ab", "someone/a-model"))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(written) is None
    listed: dict[str, Any] = json.loads(written)
    return listed


def _tar(files: Mapping[str, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return written.getvalue()
