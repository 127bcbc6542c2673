"""The images, and what each is made from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Image:
    """One image: its Dockerfile, and its place in the operator's Helm values.

    `key` is its key under `images` or, for a model's image, the model's name under `modelImages`.
    An image that stands in for an official one, where no other registry is reached, says so; and one that
    the demo has no use for.
    """

    name: str
    dockerfile: str
    key: str
    arguments: Mapping[str, str] = field(default_factory=dict, hash=False)
    stands_in: bool = False
    in_demo: bool = True

    @property
    def values(self) -> str:
        """The part of the Helm values that names the image."""
        return "modelImages" if "MODEL" in self.arguments else "images"

    @property
    def repository(self) -> str:
        """The image's name in any registry."""
        return f"ragpipeline-{self.name}"

    def tag(self, base: str) -> str:
        """Twelve hex digits over the Dockerfile, its arguments, every file that it copies, and the base."""
        content = sha256(f"{base} {sorted(self.arguments.items())}".encode())
        for path in [ROOT / self.dockerfile, *self._sources()]:
            content.update(f"{path.relative_to(ROOT)} ".encode() + path.read_bytes())
        return content.hexdigest()[:12]

    def _sources(self) -> Iterator[Path]:
        for line in (ROOT / self.dockerfile).read_text().splitlines():
            instruction, *words = line.split() or [""]
            if instruction == "COPY" and not words[0].startswith("--from="):
                for source in words[:-1]:
                    yield from _files(ROOT / source)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)


_MODEL = "workloads/images/model.Dockerfile"
# The slow ones first: whatever is built beside them is then done when they are.
IMAGES = (
    Image("model-minilm", _MODEL, "sentence-transformers/all-MiniLM-L6-v2", {"MODEL": "minilm"}),
    Image("model-e5small", _MODEL, "intfloat/multilingual-e5-small", {"MODEL": "e5small"}, in_demo=False),
    Image("embedding", "workloads/images/embedding.Dockerfile", "embedding"),
    Image("model-smollm2", _MODEL, "HuggingFaceTB/SmolLM2-135M-Instruct", {"MODEL": "smollm2"}),
    Image("model-minilmcut", _MODEL, "ragpipeline/minilm-l2-128", {"MODEL": "minilmcut"}),
    Image("worker", "workloads/images/worker.Dockerfile", "worker"),
    Image("worker-ocr", "workloads/images/worker-ocr.Dockerfile", "workerOcr", in_demo=False),
    Image("api", "workloads/images/api.Dockerfile", "api"),
    Image("llm", "workloads/images/llm.Dockerfile", "llm"),
    Image("llama-server", "workloads/images/llama-server.Dockerfile", "llamaServer", stands_in=True),
    Image("qdrant", "workloads/images/qdrant.Dockerfile", "qdrant", stands_in=True),
    Image("redis", "workloads/images/redis.Dockerfile", "redis", stands_in=True),
    Image("operator", "operator/Dockerfile", "operator"),
)
