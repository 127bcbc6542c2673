"""The pages that a user reads, and the commands in them, in the order in which a person would run them."""

import re
from dataclasses import dataclass

from demo.paths import ROOT

PAGES = tuple(sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]))
README = "README.md"
INSTALL = "docs/install.md"
REMOVE = "## Remove it\n"
# Run as they stand by `test_make_demo_and_its_end`, and by whoever runs this test.
BY_MAKE = ("make demo\nmake test\n", "make demo-down\n")
# A block, or a command within a line: of three words at least, as less only names a command.
COMMAND = re.compile(
    r"^```sh\n(.*?)^```|`((?:kubectl|helm|curl|ragpipeline)(?:\s[^`\s]+){2,})`", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True)
class Part:
    """A page, or what of it stands from one line on and before another."""

    page: str
    begin: str = ""
    end: str = ""

    def __str__(self) -> str:
        return " ".join([self.page, *self.begin.split()])

    def commands(self) -> list[str]:
        """The blocks and the commands within lines, in their order."""
        text = (ROOT / self.page).read_text()
        below = text.partition(self.begin)[2] if self.begin else text
        return commands(below.partition(self.end)[0] if self.end else below)


TOUR = (
    Part(README, "## Install on your cluster\n"),
    Part(INSTALL, end=REMOVE),
    Part("docs/use.md"),
    Part("docs/resource.md"),
    Part("docs/operations.md"),
    Part("docs/runbook.md"),
    Part(INSTALL, REMOVE),
)


def commands(text: str) -> list[str]:
    """The commands of a text."""
    return [block or f"{' '.join(line.split())}\n" for block, line in COMMAND.findall(text)]


def make_commands() -> list[list[str]]:
    """Every `make` command that a page names anywhere."""
    found = {each for page in PAGES for each in re.findall(r"(?:^|`)(make [^`\n#]+)", page.read_text(), re.M)}
    return [command.split() for command in sorted(found)]
