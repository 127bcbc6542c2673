"""Whether two passages say the same in almost the same words; pure."""

import re

# How much of the shorter one's wording the other has.
SHARE = 0.8
UNITS = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af]|\w[^\W\u2e80-\u9fff\uac00-\ud7af]*")

Wording = frozenset[tuple[str, ...]]


def wording(text: str) -> Wording:
    """All runs of three words, or of three characters where words are not parted."""
    units = UNITS.findall(text.lower())
    return frozenset(zip(units, units[1:], units[2:], strict=False)) or frozenset([tuple(units)])


def near_duplicates(one: Wording, other: Wording) -> bool:
    """Whether the longer of two has most of the shorter one's wording."""
    return len(one & other) >= SHARE * min(len(one), len(other))
