"""Where things are: the repository, what is built in it, and what is kept between runs."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ragpipeline"
QUICKSTART = ROOT / "examples" / "quickstart.yaml"
OPERATOR_CHART = ROOT / "charts" / "ragpipeline-operator"
PIPELINE_CHART = ROOT / "charts" / "ragpipeline"
PROMETHEUS_MANIFEST = ROOT / "hack" / "cluster" / "manifests" / "prometheus" / "prometheus.yaml"
IMAGE_VALUES = BUILD / "images.yaml"
TIMINGS = BUILD / "demo-timings.json"
