"""Text cut into sentences of any script, each with its place; pure, in time linear in the text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

ENDS, WIDE_ENDS = ".!?…؟۔।॥։።။។", "。！？｡"
CLOSERS, OPENERS = "\"'”’»)\\]」』）】》", "\"'“‘„«(\\[¿¡「『（【《"
# A heading in a line of its own, or what may part two sentences; `end` only if what follows begins one.
BOUNDARY = re.compile(
    r"^(?P<heading>\#{1,6}[ ][^\n]*+|\d{1,3}(?:\.\d{1,3})++\.?[ ][^\W\d_a-z][^\n.]{0,80}+)(?=\n|\Z)"
    r"|^(?P<item>[-*+–•▪◦‣●|]|(?=\d{1,2}[.)][ ]))"
    rf"|(?<=[^\s{ENDS}])(?P<end>[{ENDS}]++[{CLOSERS}]*+)(?=\s)"
    rf"|(?P<wide>[{WIDE_ENDS}]++[{CLOSERS}]*+)"
    r"|(?P<blank>\n[^\S\n]*+\n\s*+)"
    r"|(?P<bullet>[•▪‣●])"
    # Before a row of a table, whose cells are parted by tabs.
    r"|(?P<row>\n(?=[^\n]*\S\t))"
    # What could not be read.
    r"|(?P<unread>\ufffd+)"
    # What is no words: digits of a checksum, data.
    r"|(?<!\S)(?P<data>[!-~]{200,}+)"
    # Thai and its neighbours put no mark at a sentence's end, but blanks between sentences and nowhere else.
    r"|(?<=[\u0e00-\u0eff])(?P<blank_in_thai>\s)(?=[\u0e00-\u0eff])",
    re.MULTILINE,
)
FOLLOWING = re.compile(rf"\s++[{OPENERS}]*+(\S++)")
PRECEDING = re.compile(r"\S*\Z")
BEFORE_NAMES = frozenset(["mr", "mrs", "ms", "dr", "prof", "st", "vs", "cf", "vgl", "bzw", "etc"])
BEFORE_NUMBERS = frozenset(["no", "nr", "fig", "vol", "pp", "ca", "sec", "art", "abb", "tab", "eq", "abs"])
INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
MONTHS = ("Jan", "Feb", "Mär", "Apr", "Mai", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dez")
SPACES = re.compile(r"\s+")
# What remains of a line in a table of contents.
LEADERS = re.compile(r"\. \. \.|… ?\d")
MARKS = "#•▪◦‣●|*+–- \t\n"
# A letter alone is a label.
LEAST_LETTERS = 2
# What embedding models take, and no quote is longer.
MOST_CHARACTERS = 1000
MOST_CHARACTERS_OF_A_HEADING = 100


@dataclass(frozen=True)
class Sentence:
    """A sentence on one line; `start` and `end` are its place in the text that it was cut from.

    `heading` is the one that it stands under, if any; of a heading itself, `is_heading` is true.
    """

    text: str
    start: int
    end: int
    heading: str = ""
    is_heading: bool = False


@dataclass(frozen=True)
class _Piece:
    """A sentence's place in the text; `kind` is "heading" or "paragraph" for a whole one, or nothing."""

    start: int
    end: int
    kind: str = ""


def split_sentences(text: str) -> list[Sentence]:
    """The sentences and headings of a text, in order; the whole text if it has none."""
    sentences: list[Sentence] = []
    heading = ""
    for piece in _pieces(text):
        found = _sentence(text, piece)
        if sum(map(str.isalpha, found.text)) < LEAST_LETTERS or LEADERS.search(found.text):
            continue
        if _is_heading(piece, found.text):
            heading = found.text
            sentences.append(replace(found, is_heading=True))
        else:
            sentences.append(replace(found, heading=heading))
    return sentences or [_whole(text[:MOST_CHARACTERS])]


def _whole(text: str) -> Sentence:
    """A text without a sentence as one, be it nothing but marks: an empty one cannot be embedded."""
    sentence = _sentence(text, _Piece(0, len(text)))
    return sentence if sentence.text else Sentence(SPACES.sub(" ", text).strip(), 0, len(text))


def _pieces(text: str) -> Iterator[_Piece]:
    start, is_whole = 0, True
    for match in BOUNDARY.finditer(text):
        group = match.lastgroup or ""
        if not _parts(text, match, group):
            continue
        end = match.end() if group in ("end", "wide") else match.start()
        kind = "paragraph" if group == "blank" and is_whole else ""
        yield from _bounded(text, _Piece(start, end, kind))
        start, is_whole = match.end(), group in ("blank", "heading")
        if group == "heading":
            yield _Piece(match.start(), min(start, match.start() + MOST_CHARACTERS), group)
    yield from _bounded(text, _Piece(start, len(text)))


def _parts(text: str, match: re.Match[str], group: str) -> bool:
    """Whether a match of BOUNDARY parts two sentences."""
    if group not in ("end", "blank"):
        return True
    following = FOLLOWING.match(text, match.start() if group == "blank" else match.end())
    if following is None or not following[1][0].islower():
        return group == "blank" or following is None or not _is_abbreviation(text, match, following[1])
    # In lower case a sentence goes on, be it over the end of a paragraph that has no full stop, or of a page.
    before = text[match.start() - 1 : match.start()]
    return group == "blank" and (before in {":", *ENDS} or match[0].count("\n") > 2)


def _is_abbreviation(text: str, match: re.Match[str], following: str) -> bool:
    """Whether a full stop belongs to the word before it, and no sentence ends."""
    if match[0] != ".":
        return False
    word = PRECEDING.search(text[max(0, match.start() - 12) : match.start()])
    letters = word[0].lstrip(OPENERS).lower() if word else ""
    if letters.isdigit():
        at = match.start() - len(letters)
        line = text[max(0, at - 1) : at]
        return len(letters) < 3 and (line in ("", "\n") or following.startswith(MONTHS))
    if letters in BEFORE_NUMBERS:
        return following[0].isdigit()
    return letters in BEFORE_NAMES or INITIALS.fullmatch(letters) is not None


def _bounded(text: str, piece: _Piece) -> Iterator[_Piece]:
    """The piece, cut between words where it is too long for a sentence."""
    start = piece.start
    while piece.end - start > MOST_CHARACTERS:
        limit = start + MOST_CHARACTERS
        space = max(text.rfind(" ", start + 1, limit), text.rfind("\n", start + 1, limit))
        end = space if space > start else limit
        yield _Piece(start, end)
        start = end
    yield _Piece(start, piece.end, piece.kind)


def _is_heading(piece: _Piece, text: str) -> bool:
    """Headings are marked, or are a short paragraph that ends without a full stop and has no figures."""
    if piece.kind == "paragraph":
        return len(text) <= MOST_CHARACTERS_OF_A_HEADING and not any(map(str.isdigit, text))
    return piece.kind == "heading"


def _sentence(text: str, piece: _Piece) -> Sentence:
    raw = text[piece.start : piece.end]
    marked = raw.lstrip(MARKS)
    return Sentence(SPACES.sub(" ", marked).rstrip(" |"), piece.end - len(marked), piece.end)
