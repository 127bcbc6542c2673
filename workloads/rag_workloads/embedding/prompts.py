"""What a model was trained to read before a text: one thing before questions, another before documents."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rag_workloads.embedding.engine import Lane, Unsupported

# The names by which sentence-transformers finds the prompt of a question, and that of a document.
NAMES = {Lane.QUERY: ("query",), Lane.BULK: ("document", "passage", "corpus")}


@dataclass(frozen=True)
class Prompts:
    """The model's prompts by their names, and which one stands where a lane has none of its own."""

    texts: Mapping[str, str] = field(default_factory=dict)
    default: str | None = None

    def __post_init__(self) -> None:
        if self.default is not None and self.default not in self.texts:
            raise Unsupported(f"the model's default prompt {self.default!r} is none of its prompts")

    def name(self, lane: Lane) -> str | None:
        """Which one stands before the texts of a lane, if any.

        Of a lane's names one that says something comes first, as sentence-transformers writes "" for others.
        """
        known = [name for name in NAMES[lane] if name in self.texts]
        return min(known, key=lambda name: not self.texts[name], default=self.default)

    def text(self, lane: Lane, name: str | None = None) -> str:
        """The prompt of that name, or the lane's if it is None; Unsupported if there is none of the name."""
        if name is None:
            name = self.name(lane)
        elif name not in self.texts:
            known = f"only {', '.join(self.texts)}" if self.texts else "this model has no prompts"
            raise Unsupported(f"prompt_name {name!r} not found: {known}")
        return "" if name is None else self.texts[name]

    def standing(self) -> list[str]:
        """What stands before questions and before documents; nothing if both are bare."""
        found = [self.text(lane) for lane in Lane]
        return found if any(found) else []
