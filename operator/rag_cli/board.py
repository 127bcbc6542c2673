"""Shows how far an upload is: a bar for each stage, over all files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from rag_cli.answers import Event

STAGES = ("sent", "read", "embedded", "ended")


class Board:
    """The bars, on a terminal alone. A file counts in each by how much of it is done."""

    def __init__(self, files: int) -> None:
        console = Console(stderr=True)
        self.progress = Progress(
            TextColumn("{task.description:<9}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", style="yellow", markup=False),
            console=console,
            disable=not console.is_terminal,
        )
        self._bars = {stage: self.progress.add_task(stage, total=files, note="") for stage in STAGES}
        self._shares: dict[tuple[Path, str], float] = {}

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the bars while the body runs."""
        with self.progress:
            yield

    def sent(self, path: Path) -> None:
        """Count a file that the API has."""
        self.say("")
        self._set(path, "sent", 1)

    def move(self, path: Path, event: Event) -> None:
        """Count what is done of a document."""
        self._set(path, "read", event.pages_done / event.pages if event.pages else 0)
        self._set(path, "embedded", event.chunks_done / event.chunks if event.chunks else 0)

    def end(self, path: Path) -> None:
        """Count a document of which no more will be done."""
        for stage in STAGES:
            self._set(path, stage, 1)

    def say(self, note: str) -> None:
        """Say what is waited for."""
        self.progress.update(self._bars["sent"], note=note)

    def _set(self, path: Path, stage: str, share: float) -> None:
        before = self._shares.get((path, stage), 0)
        self._shares[path, stage] = share
        self.progress.advance(self._bars[stage], share - before)
