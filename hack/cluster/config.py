"""Where the cluster lives, its addresses, and the environment of its commands."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Template

HERE = Path(__file__).parent
MODULES = HERE / "modules"
MANIFESTS = HERE / "manifests"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ragpipeline"

STATE = Path(os.environ.get("CLUSTER_STATE", "/var/lib/ragcluster")).absolute()
PKI = STATE / "pki"
CONF = STATE / "conf"
RUN = STATE / "run"
LOG = STATE / "log"
SOCKET = RUN / "containerd.sock"

# One address for both sides: inside the namespace the API server answers there itself, outside a relay does.
API_PORT = int(os.environ.get("CLUSTER_API_PORT", "6443"))
REGISTRY_PORT = int(os.environ.get("CLUSTER_REGISTRY_PORT", "5000"))
# Where the host reaches Envoy.
ENVOY_PORT = int(os.environ.get("CLUSTER_ENVOY_PORT", "8088"))
KUBECONFIG = CONF / "super-admin.conf"

NETNS = STATE.name
KUBE_VERSION = "v1.34.4"
NODE_IP = "192.0.2.10"  # TEST-NET-1: documentation addresses, never routed
POD_CIDR = "10.244.0.0/24"
SERVICE_CIDR = "10.96.0.0/16"


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Keep other runs of this program out of the folder for the body; it is made if it is absent."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class ClusterError(Exception):
    """Something that the user can read and act on; printed without a traceback."""


def render(name: str, **values: object) -> Path:
    """Fill in `manifests/<name>` into the cluster's configuration folder and return its path."""
    settings = {key: value for key, value in globals().items() if key.isupper()}
    target = CONF / name
    target.parent.mkdir(parents=True, exist_ok=True)
    text = Template((MANIFESTS / name).read_text()).substitute(settings | values)
    if not target.exists() or target.read_text() != text:  # kube-proxy ends when its file is written
        target.write_text(text)
    return target
