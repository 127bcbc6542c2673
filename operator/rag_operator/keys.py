"""How a pipeline is told from the others."""

from typing import NamedTuple


class Key(NamedTuple):
    """A pipeline, by name."""

    namespace: str
    name: str
