"""Whether two passages say the same in almost the same words; pure."""

from rag_workloads.text.units import units

# How much of the shorter one's wording the other has.
SHARE = 0.8

Wording = frozenset[tuple[str, ...]]


def wording(text: str) -> Wording:
    """All runs of three words, or of three characters where words are not parted."""
    found = units(text)
    return frozenset(zip(found, found[1:], found[2:], strict=False)) or frozenset([tuple(found)])


def near_duplicates(one: Wording, other: Wording) -> bool:
    """Whether the longer of two has most of the shorter one's wording."""
    return len(one & other) >= SHARE * min(len(one), len(other))
