"""Documents as HTML, and what is true of them; a number stands for all that is left to chance in one."""

import html
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tests.bench.parsing.prose import Prose

Kind = Literal["heading", "paragraph", "list_item", "table", "code"]
Borders = Literal["all", "rows", "none"]
# Three in five tables have all borders.
BORDERS: tuple[Borders, ...] = ("all", "all", "all", "rows", "none")
SECTIONS = 5, 8
CELL_WORDS = 1, 3


@dataclass(frozen=True)
class Truth:
    """What one block is; `rows` are those of a table, with an empty cell where another one spans."""

    kind: Kind
    text: str = ""
    level: int = 0
    rows: list[list[str]] = field(default_factory=list)


@dataclass
class Style:
    """How a document looks."""

    columns: int
    serif: bool
    size: float
    headings: tuple[float, float, float]
    numbered: bool
    coloured: bool
    borders: Borders
    running: bool


def style(chance: random.Random, number: int) -> Style:
    """One of the styles; each third document has two columns."""
    return Style(
        columns=2 if number % 3 == 2 else 1,
        serif=chance.random() < 0.5,
        size=chance.choice([9, 10, 10.5, 11, 12]),
        headings=chance.choice([(2, 1.5, 1.17), (1.8, 1.4, 1.15), (2.2, 1.6, 1.3), (1.6, 1.25, 1)]),
        numbered=chance.random() < 0.4,
        coloured=chance.random() < 0.3,
        borders=chance.choice(BORDERS),
        running=chance.random() < 0.7,
    )


class Document:
    """A document of sections, as HTML and as truth."""

    def __init__(self, number: int, prose: Prose) -> None:
        self._chance, self._prose = random.Random(number), prose
        self.style = style(self._chance, number)
        self.title = prose.words(self._chance, 2, 5)
        self.truth: list[Truth] = []
        self._body: list[str] = []
        self._fill()

    def html(self, fonts: Mapping[int, str]) -> str:
        """The page that is printed; `fonts` are the addresses of font files by their weight."""
        return f"<!doctype html><meta charset=utf-8><style>{self._css(fonts)}</style>{''.join(self._body)}"

    def _fill(self) -> None:
        self._heading(self.title, 1)
        for at in range(1, self._chance.randint(*SECTIONS)):
            self._heading(self._numbered(f"{at}"), 2)
            self._some()
            for below in range(1, self._chance.randint(1, 3)):
                self._heading(self._numbered(f"{at}.{below}"), 3)
                self._some()

    def _some(self) -> None:
        for _ in range(self._chance.randint(1, 3)):
            self._paragraph()
        extra = self._chance.choices([self._list, self._table, self._code, self._paragraph], [3, 3, 1, 3])[0]
        extra()

    def _numbered(self, number: str) -> str:
        words = self._prose.words(self._chance, 2, 5)
        return f"{number} {words}" if self.style.numbered else words

    def _heading(self, text: str, level: int) -> None:
        self._add(f"<h{level}>{html.escape(text)}</h{level}>", Truth("heading", text, level))

    def _paragraph(self) -> None:
        text = self._prose.sentences(self._chance, 2, 6)
        self._add(f"<p>{html.escape(text)}</p>", Truth("paragraph", text))

    def _list(self) -> None:
        tag = self._chance.choice(["ul", "ol"])
        items = [self._prose.sentences(self._chance, 1, 2) for _ in range(self._chance.randint(3, 6))]
        self._body.append(f"<{tag}>{''.join(f'<li>{html.escape(item)}</li>' for item in items)}</{tag}>")
        marks = [f"{at}." if tag == "ol" else "•" for at in range(1, len(items) + 1)]
        self.truth += [Truth("list_item", f"{mark} {item}") for mark, item in zip(marks, items, strict=True)]

    def _code(self) -> None:
        lines = [f"{self._prose.words(self._chance, 1, 1)} --{at} = {at * 7}" for at in range(4)]
        text = "\n".join(lines)
        self._add(f"<pre>{html.escape(text)}</pre>", Truth("code", text))

    def _table(self) -> None:
        width, height = (
            self._chance.randint(2, 4 if self.style.columns == 2 else 5),
            self._chance.randint(3, 7),
        )
        grid = [[self._prose.words(self._chance, *CELL_WORDS) for _ in range(width)] for _ in range(height)]
        merged = self._chance.random() < 0.4 and self.style.borders == "all"
        rows = list(self._rows(grid, merged))
        self._add(
            f"<table><thead>{rows[0]}</thead><tbody>{''.join(rows[1:])}</tbody></table>",
            Truth("table", rows=grid),
        )

    def _rows(self, grid: list[list[str]], merged: bool) -> Iterator[str]:
        """The rows as HTML; of a merged table, a header spans two columns, and a cell below it two rows."""
        across = merged and len(grid[0]) > 2
        if across:
            grid[0][2] = ""
        if merged:
            grid[2][0] = ""
        for y, row in enumerate(grid):
            tag = "td" if y else "th"
            cells = []
            for x, cell in enumerate(row):
                if (across and (y, x) == (0, 2)) or (merged and (y, x) == (2, 0)):
                    continue
                span = " colspan=2" if across and (y, x) == (0, 1) else ""
                span += " rowspan=2" if merged and (y, x) == (1, 0) else ""
                cells.append(f"<{tag}{span}>{html.escape(cell)}</{tag}>")
            yield f"<tr>{''.join(cells)}</tr>"

    def _add(self, markup: str, truth: Truth) -> None:
        self._body.append(markup)
        self.truth.append(truth)

    def _css(self, fonts: Mapping[int, str]) -> str:
        look, sizes = self.style, self.style.headings
        family = "chinese" if self._prose.language == "zh" else ("serif" if look.serif else "sans-serif")
        borders = {
            "all": "th,td{border:1px solid #444}",
            "rows": "tr{border-bottom:1px solid #444}",
            "none": "",
        }
        return (
            "".join(
                f"@font-face{{font-family:chinese;font-weight:{weight};src:url({font})}}"
                for weight, font in fonts.items()
            )
            + f"body{{font:{look.size}pt/1.4 {family};margin:0;columns:{look.columns};column-gap:9mm}}"
            "h1{column-span:all}h1,h2,h3{break-after:avoid;"
            f"color:{'#246' if look.coloured else '#000'}}}"
            + "".join(f"h{level}{{font-size:{size}em}}" for level, size in enumerate(sizes, 1))
            + "table{border-collapse:collapse;break-inside:avoid;margin:1em 0}li,tr,pre{break-inside:avoid}"
            f"th,td{{padding:2px 9px;text-align:left}}{borders[look.borders]}"
        )
