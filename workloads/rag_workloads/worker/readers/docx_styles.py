"""What the styles of a Word document say of a paragraph or a run: heading, list item, code, hidden."""

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

HEADING_NAME = re.compile(r"heading (\d)")
# In a table of contents or of figures: the text itself is better found where it points to.
ENTRY_NAME = re.compile(r"toc \d|table of figures")
# A level of an outline that is none.
BODY_TEXT = 9
CODE_NAME = re.compile(r"code|preformatted|verbatim|macro text", re.IGNORECASE)
OFF = ("0", "false", "off", "none")
WHITE = "ffffff"
# In half points: what is smaller, nobody can read.
LEAST_SIZE = 3
# What styles may be based on one another.
MOST_DEPTH = 20

Element = Any


def name_of(element: Element) -> str:
    """An element's name without its namespace, of which there are two."""
    return str(element.tag).rpartition("}")[2]


def child(element: Element | None, name: str) -> Element | None:
    """The first child of a name."""
    return next((each for each in element if name_of(each) == name), None) if element is not None else None


def value_of(element: Element | None, name: str = "val") -> str:
    """An attribute, in whichever namespace; "" where it is missing."""
    if element is None:
        return ""
    return next((value for key, value in element.items() if key.rpartition("}")[2] == name), "")


def on(element: Element | None) -> bool:
    """Whether a property is there and not switched off."""
    return element is not None and value_of(element).lower() not in OFF


@dataclass(frozen=True, slots=True)
class Style:
    """How a paragraph or a run looks; `level` is that of a heading, 0 of none; `entry`, one of contents."""

    level: int = 0
    listed: bool = False
    code: bool = False
    entry: bool = False
    hidden: bool = False
    color: str = ""
    shaded: bool = False
    size: int = LEAST_SIZE

    @property
    def unseen(self) -> bool:
        """Whether no reader sees a text that looks so, on white paper."""
        return self.hidden or self.size < LEAST_SIZE or (self.color == WHITE and not self.shaded)


class Styles:
    """The styles of a document, each with what it has from the one that it is based on."""

    def __init__(self, root: Element | None) -> None:
        """Without a root there are none."""
        elements = [each for each in root if name_of(each) == "style"] if root is not None else []
        self._elements = {value_of(each, "styleId"): each for each in elements}
        self._known: dict[str, Style] = {}
        # Without properties, all rows of a table are looked through for them.
        self._has_style = cache(_has_style)
        self._normal = next((value_of(each, "styleId") for each in elements if _is_normal(each)), "")

    def of_paragraph(self, paragraph: Element) -> Style:
        """How a paragraph looks."""
        properties = child(paragraph, "pPr")
        style = self._named(value_of(child(properties, "pStyle")) or self._normal)
        style = _of_paragraphs(style, properties)
        return replace(style, shaded=True) if self._is_on_color(paragraph) else style

    def hide(self, run: Element, paragraph: Style) -> bool:
        """Whether no reader sees a run of a paragraph."""
        properties = child(run, "rPr")
        style = paragraph
        if named := value_of(child(properties, "rStyle")):
            style = _of_runs(style, self._of_its_own(named))
        return _of_runs(style, properties).unseen

    def has_header(self, table: Element) -> bool:
        """Whether the first row of a table names its columns."""
        first = next((each for each in table if name_of(each) == "tr"), None)
        look = child(child(table, "tblPr"), "tblLook")
        return on(child(child(first, "trPr"), "tblHeader")) or value_of(look, "firstRow") in ("1", "true")

    def _is_on_color(self, paragraph: Element) -> bool:
        """Whether a paragraph is in a cell that has a color, or in a table that may have one by its style."""
        for each in paragraph.iterancestors():
            name = name_of(each)
            if name == "tc" and _is_colored(child(each, "tcPr")):
                return True
            if name == "tbl" and self._has_style(each):
                return True
            if name in ("txbxContent", "wsp"):  # a text box has a background of its own
                return True
        return False

    def _of_its_own(self, named: str) -> Element | None:
        """What a style for characters says."""
        return child(self._elements.get(named), "rPr")

    def _named(self, named: str, depth: int = 0) -> Style:
        """A style by its id; one that is based on itself ends somewhere."""
        if named in self._known:
            return self._known[named]
        element = self._elements.get(named)
        if element is None or depth == MOST_DEPTH:
            return Style()
        style = self._named(value_of(child(element, "basedOn")), depth + 1)
        style = _of_runs(_of_paragraphs(style, child(element, "pPr")), child(element, "rPr"))
        style = self._known[named] = _by_name(style, value_of(child(element, "name")).lower())
        return style


def _is_normal(style: Element) -> bool:
    return value_of(style, "default") in ("1", "true") and value_of(style, "type") == "paragraph"


def _by_name(style: Style, name: str) -> Style:
    """What a style is told to be by its name, which is English in every language of Word."""
    if heading := HEADING_NAME.fullmatch(name):
        return replace(style, level=int(heading[1]))
    if name == "title":
        return replace(style, level=1)
    if ENTRY_NAME.fullmatch(name):
        return replace(style, entry=True)
    return replace(style, code=style.code or bool(CODE_NAME.search(name)))


def _of_paragraphs(style: Style, properties: Element | None) -> Style:
    """A style with what the properties of a paragraph change in it."""
    outline = value_of(child(properties, "outlineLvl"))
    if outline.isdigit():
        style = replace(style, level=int(outline) + 1 if int(outline) < BODY_TEXT else 0)
    numbers = child(properties, "numPr")
    if numbers is not None:
        style = replace(style, listed=value_of(child(numbers, "numId")) != "0")
    return replace(style, shaded=style.shaded or _is_colored(properties))


def _of_runs(style: Style, properties: Element | None) -> Style:
    """A style with what the properties of a run change in it."""
    if properties is None:
        return style
    vanish, color, size = (child(properties, name) for name in ("vanish", "color", "sz"))
    if vanish is not None:
        style = replace(style, hidden=on(vanish))
    if color is not None:
        style = replace(style, color=value_of(color).lower())
    if value_of(size).isdigit():
        style = replace(style, size=int(value_of(size)))
    return replace(style, shaded=style.shaded or _is_colored(properties))


def _is_colored(properties: Element | None) -> bool:
    """Whether there is a color behind a text."""
    fill = value_of(child(properties, "shd"), "fill").lower()
    return fill not in ("", "auto", WHITE) or on(child(properties, "highlight"))


def _has_style(table: Element) -> bool:
    return child(child(table, "tblPr"), "tblStyle") is not None
