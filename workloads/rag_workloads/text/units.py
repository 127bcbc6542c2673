"""What texts may share: their words, and the characters of scripts that do not part words; pure."""

import re

UNPARTED = r"\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff"
UNIT = re.compile(rf"[{UNPARTED}]|[^\W_{UNPARTED}]+")


def units(text: str) -> list[str]:
    """The words of a text in small letters, and its unparted characters one by one, in order."""
    return UNIT.findall(text.casefold())
