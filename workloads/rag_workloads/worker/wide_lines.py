"""Lines of Chinese and Japanese, which have no blanks between words, made one where a text runs on; pure."""

import re
import unicodedata

# Their characters and marks; not Korean, which has blanks.
WIDE = r"\u2e80-\u303f\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uff60\U00020000-\U0003ffff"
BREAK = re.compile(rf"(?<=[{WIDE}])\n(?=[{WIDE}])")
# In columns, of which such characters take two: lines that are shorter may be items, each for itself; and so
# may those be that end before so much of the longest.
LEAST_COLUMNS, FULL = 30, 0.75


def join_lines(text: str) -> str:
    """The text without line feeds within its words, where lines are full."""
    if not BREAK.search(text):
        return text
    lines = text.split("\n")
    widths = list(map(columns, lines))
    least = max(LEAST_COLUMNS, FULL * max(widths))
    joined = lines[0]
    for line, width in zip(lines[1:], widths, strict=False):
        between = "" if width >= least and BREAK.search(f"{joined[-1:]}\n{line[:1]}") else "\n"
        joined += between + line
    return joined


def columns(line: str) -> int:
    """How wide a line is where all letters are equally wide, and those of Chinese and Japanese twice that."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in line)
