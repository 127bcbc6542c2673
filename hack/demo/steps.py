"""Shows what is being done and for how long, several things side by side, and remembers the times."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

# A log has no line that can be rewritten: there, a step says where it is only so often (seconds).
LOG_EVERY = 10.0


class _Seconds(ProgressColumn):
    """The age of a step, in seconds."""

    max_refresh = 0.1

    def render(self, task: Task) -> Text:
        return Text(f"{task.elapsed or 0:6.1f} s", style="cyan")


class Step:
    """One thing that is being done. `say` replaces its line of detail, `log` prints a line that stays."""

    def __init__(self, title: str, console: Console, progress: Progress) -> None:
        self.title = title
        self.started = time.monotonic()
        self._console = console
        self._progress = progress
        self._task = progress.add_task(title, total=None, detail="")
        self._logged, self._logged_at = "", self.started

    @property
    def seconds(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self.started

    def say(self, detail: str) -> None:
        """Shows where the step is now, unless it is over; in a log, at most one line in LOG_EVERY seconds."""
        if self._task not in self._progress.task_ids:
            return
        self._progress.update(self._task, detail=escape(detail.replace("\t", " ")))
        due = time.monotonic() - self._logged_at >= LOG_EVERY
        if not self._console.is_terminal and due and detail != self._logged:
            self._logged, self._logged_at = detail, time.monotonic()
            self.log(f"[dim]{self.title}: {escape(detail)}[/]")

    def log(self, line: str) -> None:
        """Prints a line (rich markup) that stays on the screen."""
        self._console.print(f"  [cyan]{self.seconds:6.1f} s[/]  {line}", highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Takes the step off the live part of the screen."""
        self._progress.remove_task(self._task)


class Steps:
    """The steps of one run: those at work are shown live, those done with the seconds they took."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self.timings: dict[str, float] = {}
        self.started = time.monotonic()
        self._progress = Progress(
            SpinnerColumn(),
            _Seconds(),
            TextColumn("{task.description}", style="bold"),
            TextColumn(
                "[dim]{task.fields[detail]}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)
            ),
            console=self.console,
            expand=True,
            disable=not self.console.is_terminal,
        )
        self._running = 0

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Shows a step live while the body runs; steps may overlap."""
        if self._running == 0:
            self._progress.start()
        self._running += 1
        step = Step(title, self.console, self._progress)
        if not self.console.is_terminal:
            self.console.print(f"[dim]  …         {title}[/]")
        mark = "[red]✗[/]"
        try:
            yield step
            mark = "[green]✓[/]"
        finally:
            step.close()
            self._running -= 1
            if self._running == 0:
                self._progress.stop()
            self._ended(mark, title, step.seconds)

    @contextmanager
    def section(self, title: str) -> Iterator[None]:
        """Times a body that prints by itself, with no live line: streamed answers."""
        self.console.print(f"\n[bold]{title}[/]")
        started = time.monotonic()
        yield
        self._ended("[green]✓[/]", title, time.monotonic() - started)

    def _ended(self, mark: str, title: str, seconds: float) -> None:
        self.timings[title] = round(seconds, 2)
        self.console.print(f"{mark} [cyan]{seconds:6.1f} s[/]  {title}")

    def write(self, path: Path, **figures: object) -> None:
        """Writes the seconds of every step, and other figures of the run, as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        total = round(time.monotonic() - self.started, 2)
        path.write_text(
            json.dumps({"total_seconds": total, "steps": self.timings, **figures}, indent=2) + "\n"
        )
