"""The commands: build, load, push, package, sbom."""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from images.base import base_image
from images.catalog import IMAGES, ROOT, Image
from images.charts import package
from images.engines import Buildah, BuildError, Engine, engine, run
from images.sbom import bill, read

CLUSTER = str(ROOT / "hack" / "cluster" / "cluster")
VALUES = ROOT / "build" / "images.yaml"
CHARTS = ROOT / "build" / "charts"
SBOMS = ROOT / "build" / "sbom"
LOCAL = "localhost"


def main() -> int:
    """Run one command; returns the exit status."""
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what is half made is removed
    try:
        if arguments.command == "package":
            package(json.loads(VALUES.read_text()), CHARTS)
            return 0
        run(str(ROOT / "hack" / "page"))  # the API's image holds what it fetches
        builder = Builder(engine(), official=arguments.official, demo=arguments.demo)
        builder.build()
        if arguments.command == "load":
            builder.load()
        if arguments.command == "push":
            builder.push(arguments.registry)
        if arguments.command == "sbom":
            builder.write_sboms()
            return 0
        builder.write_values(arguments.registry or LOCAL)
    except BuildError as error:
        print(f"images: {error}", file=sys.stderr)
        return 1
    return 0


class Builder:
    """All images with one engine and one base, or those that have no official one, or that the demo needs."""

    def __init__(self, tool: Engine, *, official: bool, demo: bool) -> None:
        self.engine = tool
        self.base = os.environ.get("BASE_IMAGE") or (base_image(tool) if isinstance(tool, Buildah) else "")
        self.tags = {
            image: image.tag(self.base)
            for image in IMAGES
            if not (official and image.stands_in) and (image.in_demo or not demo)
        }
        self.digests: dict[Image, str] = {}

    def reference(self, image: Image, registry: str = LOCAL) -> str:
        """The image's full name under a registry, with the digest that it has there if it was pushed."""
        digest = f"@{self.digests[image]}" if image in self.digests else ""
        return f"{registry}/{image.repository}:{self.tags[image]}{digest}"

    def build(self) -> None:
        """Build what is not there, two at a time."""
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self._build, self.tags))

    def _build(self, image: Image) -> None:
        started = time.monotonic()
        reference = self.reference(image)
        verb = "there already"
        if not self.engine.size(reference):
            base = {"BASE_IMAGE": self.base} if self.base else {}
            self.engine.build(reference, ROOT / image.dockerfile, ROOT, {**base, **image.arguments})
            verb = f"built in {time.monotonic() - started:.0f} s"
        print(f"{reference}  {self.engine.size(reference)}  {verb}", flush=True)

    def load(self) -> None:
        """Bring what is not there into the node of hack/cluster."""
        there = set(run(CLUSTER, "images").split())
        missing = [image for image in self.tags if self.reference(image) not in there]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self._load, missing))
        print(f"loaded {len(missing)} images, {len(self.tags) - len(missing)} were there", flush=True)

    def _load(self, image: Image) -> None:
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / f"{image.name}.tar"
            self.engine.save(self.reference(image), archive)
            print(run(CLUSTER, "load", str(archive)), end="", flush=True)

    def push(self, registry: str) -> None:
        """Push every image to a registry."""
        pushed = dict[Image, str]()
        for image in self.tags:
            target = self.reference(image, registry)
            pushed[image] = self.engine.push(self.reference(image), target)
            print(f"pushed {target}@{pushed[image]}", flush=True)
        self.digests = pushed

    def write_sboms(self) -> None:
        """Write what is in each image."""
        SBOMS.mkdir(parents=True, exist_ok=True)
        for image in self.tags:
            with tempfile.TemporaryDirectory() as folder:
                archive = Path(folder, "image.tar")
                self.engine.save(self.reference(image), archive)
                materials = bill(read(archive), image.repository, self.tags[image], image.key)
            target = SBOMS / f"{image.name}.cdx.json"
            target.write_text(json.dumps(materials, indent=2) + "\n")
            print(f"wrote {target}", flush=True)

    def write_values(self, registry: str) -> None:
        """Write the images' names as Helm values of the operator's chart."""
        VALUES.parent.mkdir(exist_ok=True)
        values: dict[str, dict[str, str]] = {}
        for image in self.tags:
            values.setdefault(image.values, {})[image.key] = self.reference(image, registry)
        VALUES.write_text(json.dumps(values, indent=2) + "\n")  # JSON is YAML
        print(f"wrote {VALUES.relative_to(ROOT)}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="build", description="Build the images and name them in build/images.yaml."
    )
    parser.set_defaults(command="build", registry="")
    parser.add_argument(
        "--official", action="store_true", help="leave Redis, Qdrant and llama.cpp to their official images"
    )
    parser.add_argument("--demo", action="store_true", help="leave out what the demo has no use for")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("load", help="build, and load into the cluster of hack/cluster")
    push = commands.add_parser("push", help="build, and push to a registry")
    push.add_argument("registry", help="for example registry.example.com/me")
    commands.add_parser(
        "package", help="package the charts, with the images of build/images.yaml as defaults"
    )
    commands.add_parser("sbom", help="build, and write what is in each image to build/sbom, as CycloneDX")
    return parser
