"""What `make up` shows: one line a step, a spinner with the seconds on a terminal, plain lines elsewhere.

Services are quiet: their output is in `var/log`. Only a death is shown, with its reason and last lines.
Colours follow the terminal and NO_COLOR.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console as Rich
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


class Console:
    """The manager's Report, and steps that are not services."""

    def __init__(self, rich: Rich | None = None) -> None:
        self._rich = rich or Rich(highlight=False, soft_wrap=True)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=self._rich,
            transient=True,
        )
        self._live: dict[str, TaskID] = {}

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Shows `what` while the block runs, and its seconds after."""
        begun = time.monotonic()
        self.starting(what)
        try:
            yield
        except BaseException:
            self._settle(what)
            raise
        self.ready(what, time.monotonic() - begun)

    def starting(self, name: str) -> None:
        if self._rich.is_terminal:
            self._progress.start()
            self._live[name] = self._progress.add_task(escape(name))

    def ready(self, name: str, seconds: float) -> None:
        self._settle(name)
        self._rich.print(f"[green]ready[/] {escape(name)} [dim]({seconds:.1f} s)[/]")

    def died(self, name: str, reason: str, tail: Sequence[str], retry_in: float) -> None:
        self._rich.print(f"[red]died[/] {escape(name)}: {escape(reason)}; starting again in {retry_in:g} s")
        self.lines(tail)

    def failed(self, name: str, reason: str, tail: Sequence[str]) -> None:
        self._settle(name)
        self._rich.print(f"[bold red]{escape(name)} did not start: {escape(reason)}[/]")
        self.lines(tail)

    def stopped(self, name: str) -> None:
        self._rich.print(f"[dim]stopped {escape(name)}[/]")

    def lines(self, tail: Sequence[str]) -> None:
        """A service's last lines, set off from our own."""
        for line in tail:
            self._rich.print(f"[dim]  | {escape(line)}[/]")

    def say(self, text: str) -> None:
        """A line of our own; may hold rich's markup."""
        self._rich.print(text)

    def close(self) -> None:
        """Gives the terminal back."""
        if self._live:
            self._live.clear()
            self._progress.stop()

    def _settle(self, name: str) -> None:
        task = self._live.pop(name, None)
        if task is not None:
            self._progress.remove_task(task)
            if not self._live:
                self._progress.stop()
