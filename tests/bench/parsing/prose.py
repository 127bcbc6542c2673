"""Sentences, paragraphs and words of real texts, English and Chinese, from Debian's documentation."""

import random
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from demo import debian
from demo.paths import CACHE

SOURCES = {
    "en": ("debian-policy", "usr/share/doc/debian-policy/policy.txt.gz"),
    "zh": ("debian-reference-zh-cn", "usr/share/debian-reference/debian-reference.zh-cn.txt.gz"),
}
FONTS = {400: "Regular", 700: "Bold"}
FONT_PACKAGE, FONT_FOLDER = "fonts-noto-cjk", "usr/share/fonts/opentype/noto"
SENTENCE = {
    "en": re.compile(r"[A-Z][^.!?]{30,200}[.]"),
    "zh": re.compile(r"[\u4e00-\u9fff][^。！？]{12,90}。"),
}
WORD = {"en": re.compile(r"[A-Za-z]{4,12}"), "zh": re.compile(r"[\u4e00-\u9fff]{2,4}")}


@dataclass(frozen=True)
class Prose:
    """A language's text, out of which pieces are drawn by chance."""

    language: str
    text: str

    @cached_property
    def _sentences(self) -> list[str]:
        found = SENTENCE[self.language].findall(self.text)
        return [" ".join(sentence.split()) for sentence in found if "  " not in sentence.strip()]

    @cached_property
    def _words(self) -> list[str]:
        return sorted(set(WORD[self.language].findall(self.text)))

    def sentences(self, chance: random.Random, least: int, most: int) -> str:
        """So many sentences."""
        between = " " if self.language == "en" else ""
        return between.join(chance.choices(self._sentences, k=chance.randint(least, most)))

    def words(self, chance: random.Random, least: int, most: int) -> str:
        """So many words, as in a title or a cell."""
        between = " " if self.language == "en" else ""
        words = between.join(chance.choices(self._words, k=chance.randint(least, most)))
        return words[0].upper() + words[1:]


async def prose(language: str) -> Prose:
    """Returns the text of a language."""
    package, member = SOURCES[language]
    path = await debian.extract(package, member, CACHE / "corpus" / f"{package}.txt")
    text = path.read_text("utf-8", "replace")
    return Prose(language, re.sub(r"\n +", " ", text) if language == "en" else text.replace("\n", ""))


async def fonts() -> dict[int, Path]:
    """Returns font files that have Chinese characters, by their weight."""
    files = {}
    for weight, name in FONTS.items():
        member = f"{FONT_FOLDER}/NotoSansCJK-{name}.ttc"
        files[weight] = await debian.extract(
            FONT_PACKAGE, member, CACHE / "corpus" / f"noto-cjk-{weight}.ttc"
        )
    return files
