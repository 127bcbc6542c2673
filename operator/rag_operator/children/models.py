"""Model files in pods: copied from an image by an init container, or downloaded from the Hugging Face hub."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rag_operator.children.pods import container, env
from rag_operator.children.site import Site
from rag_operator.names import Manifest
from rag_operator.spec.compute import Resources
from rag_operator.status import IndexStatus

MODELS_PATH = "/models"
HUB_CACHE_PATH = "/var/cache/huggingface"
_COPY_TARGET = "/mnt/models"


class ModelFiles(NamedTuple):
    """What a pod needs to find a model's files; `path` is None where the Hugging Face hub has them."""

    path: Path | None = None
    init_containers: Sequence[Manifest] = ()
    env: Sequence[Manifest] = ()
    mounts: Sequence[Manifest] = ()
    volumes: Sequence[Manifest] = ()


def model_init_container(site: Site, image: str, resources: Resources) -> Manifest:
    """Return the init container that copies an image's /models into the pod."""
    return container(
        site,
        "model",
        image,
        resources,
        command=["cp", "-R", f"{MODELS_PATH}/.", _COPY_TARGET],
        volumeMounts=[{"name": "models", "mountPath": _COPY_TARGET}],
    )


def models_mount() -> Manifest:
    """Return the mount of the copied files in the container that reads them."""
    return {"name": "models", "mountPath": MODELS_PATH, "readOnly": True}


def models_volume() -> Manifest:
    """Return the volume that holds the copied files."""
    return {"name": "models", "emptyDir": {}}


def embedding_model(site: Site, index: IndexStatus, hub_cache: Manifest) -> ModelFiles:
    """Return where the files of an index' embedding model are.

    `hub_cache` is the source of the volume for downloads, used when no image has the model.
    """
    if image := site.embedding_model_image(index):
        return ModelFiles(
            path=Path(MODELS_PATH),
            init_containers=[model_init_container(site, image, site.spec.embedding.model_resources)],
            mounts=[models_mount()],
            volumes=[models_volume()],
        )
    return ModelFiles(
        env=env(HF_HOME=HUB_CACHE_PATH),
        mounts=[{"name": "hub-cache", "mountPath": HUB_CACHE_PATH}],
        volumes=[{"name": "hub-cache", **hub_cache}],
    )
