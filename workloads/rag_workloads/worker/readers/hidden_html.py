"""Which elements of an HTML page no person sees, as its attributes and its own style sheets say.

Of a style sheet, rules are understood whose selectors are of one element, by its name, id and classes. What
any other selector says of an element may hold or not, so that it hides nothing, and shows what is hidden.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

RULE = re.compile(r"(?<![^{}])([^{}]++)\{([^{}]*+)\}")
COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
SIMPLE = re.compile(r"(?:[\w-]+|\*)?(?:[.#][\w-]+)*")
PARTS = re.compile(r"([.#]?)([\w-]+)")
LAST_PART = re.compile(r"[^\s>+~]*\Z")
PSEUDO = re.compile(r"[:\[].*", re.DOTALL)
# What makes an element's text unseen, by the property that does.
HIDING = {
    "display": re.compile(r"none\b"),
    "visibility": re.compile(r"(?:hidden|collapse)\b"),
    "opacity": re.compile(r"(?:0+\.?0*|\.0+)%?\Z"),
    "font-size": re.compile(r"(?:0+\.?0*|\.0+)(?:[a-z]+|%)?\Z"),
    "text-indent": re.compile(r"-\d{4,}"),
    "left": re.compile(r"-\d{4,}"),
    "top": re.compile(r"-\d{4,}"),
}
HEX = re.compile(r"#([0-9a-f]{3,8})\b")
RGB = re.compile(r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})")
NAMED = {"white": (255, 255, 255), "black": (0, 0, 0)}
# A page has many elements of few kinds.
MOST_KINDS = 1024
# Colors that are no further apart look the same.
SAME_COLOR = 12

Color = tuple[int, ...]
Declarations = dict[str, str]


class Rule(NamedTuple):
    """What a style sheet says of elements of a name, an id and classes."""

    name: str
    ids: frozenset[str]
    classes: frozenset[str]
    declarations: Declarations

    @property
    def weight(self) -> tuple[int, int, int]:
        """Of two rules, the heavier one holds."""
        return len(self.ids), len(self.classes), int(bool(self.name))


class Styles:
    """The style sheets within a page."""

    def __init__(self, root: Any) -> None:
        sheets = "\n".join(element.text or "" for element in root.iter("style"))
        # Sorting is stable: of equal weight, the later one holds.
        rules = sorted(_rules(COMMENT.sub("", sheets).lower()), key=lambda rule: rule.weight)
        self._by_sheets = lru_cache(maxsize=MOST_KINDS)(self._of_its_kind)
        self._by_key: dict[str, list[tuple[int, Rule]]] = defaultdict(list)
        for number, rule in enumerate(rules):
            self._by_key[_key(rule)].append((number, rule))
        elsewhere = any("stylesheet" in (link.get("rel") or "").lower() for link in root.iter("link"))
        self._paper: Color | None = None if elsewhere or "background" in sheets.lower() else NAMED["white"]

    def hide(self, element: Any) -> bool:
        """Whether an element and all in it is unseen."""
        if element.get("hidden") is not None or (element.tag == "dialog" and element.get("open") is None):
            return True
        declared = self._declared(element)
        if any(name in declared and hides.match(declared[name]) for name, hides in HIDING.items()):
            return True
        ink = _color(declared.get("color", ""))
        paper = self._background(element) if ink else None
        if ink is None or paper is None:
            return False
        return all(abs(one - other) <= SAME_COLOR for one, other in zip(ink, paper, strict=True))

    def _declared(self, element: Any) -> Declarations:
        declared = self._by_sheets(
            element.tag, (element.get("id") or "").lower(), (element.get("class") or "").lower()
        )
        if element.tag == "font":
            declared = {"color": (element.get("color") or "").lower()} | declared
        return declared | _declarations((element.get("style") or "").lower())

    def _of_its_kind(self, tag: str, identity: str, class_names: str) -> Declarations:
        """What the style sheets say of elements of a name, an id and classes."""
        classes = frozenset(class_names.split())
        keys = {tag, f"#{identity}", "", *(f".{each}" for each in classes)}
        found = sorted((each for key in keys for each in self._by_key.get(key, ())), key=lambda each: each[0])
        declared: Declarations = {}
        for _, rule in found:
            if rule.name in ("", tag) and rule.ids <= {identity} and rule.classes <= classes:
                declared |= rule.declarations
        return declared

    def _background(self, element: Any) -> Color | None:
        """The color behind a text; None where it is not known."""
        while element is not None:
            declared = self._declared(element)
            given = declared.get("background-color") or declared.get("background") or element.get("bgcolor")
            if given is not None and given != "transparent":
                return None if "(" in given.replace("rgb", "") and "url" in given else _color(given.lower())
            if "background-image" in declared or element.get("background"):
                return None
            element = element.getparent()
        return self._paper


def _rules(sheet: str) -> Iterator[Rule]:
    for selectors, body in RULE.findall(_without_conditions(sheet)):
        declarations = _declarations(body)
        for selector in map(str.strip, selectors.split(",")):
            if SIMPLE.fullmatch(selector):
                yield _rule(selector, declarations)
            elif part := LAST_PART.search(PSEUDO.sub("", selector)):
                yield _rule(part[0], dict.fromkeys(declarations, "unknown"))


def _without_conditions(sheet: str) -> str:
    """The rules that always hold; those of a medium or a width stand in braces of their own."""
    kept, depth, start, at_rule = [], 0, 0, False
    for match in re.finditer(r"[{}]|@[\w-]+|;", sheet):
        mark = match[0]
        if mark.startswith("@") and depth == 0 and not at_rule:
            kept.append(sheet[start : match.start()])
            at_rule = True
        depth += {"{": 1, "}": -1}.get(mark, 0)
        depth = max(depth, 0)
        if at_rule and depth == 0 and mark in "};":
            at_rule, start = False, match.end()
    return "".join([*kept, "" if at_rule else sheet[start:]])


def _rule(selector: str, declarations: Declarations) -> Rule:
    parts = PARTS.findall(selector)
    return Rule(
        next((name for mark, name in parts if not mark), ""),
        frozenset(name for mark, name in parts if mark == "#"),
        frozenset(name for mark, name in parts if mark == "."),
        declarations,
    )


def _key(rule: Rule) -> str:
    """By what a rule is looked up: something that all its elements have."""
    if rule.ids:
        return f"#{min(rule.ids)}"
    return f".{min(rule.classes)}" if rule.classes else rule.name


def _declarations(style: str) -> Declarations:
    pairs = (each.partition(":") for each in style.split(";"))
    return {
        name.strip(): value.replace("!important", "").strip() for name, _, value in pairs if value.strip()
    }


def _color(value: str) -> Color | None:
    if value in NAMED:
        return NAMED[value]
    if found := HEX.search(value):
        digits = found[1]
        size = 1 if len(digits) < 6 else 2
        return tuple(int(digits[at : at + size] * (3 - size), 16) for at in range(0, 3 * size, size))
    if found := RGB.search(value):
        return tuple(map(int, found.groups()))
    return next((color for name, color in NAMED.items() if re.search(rf"\b{name}\b", value)), None)
