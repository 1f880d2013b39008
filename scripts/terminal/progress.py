"""How far a verb is, on stderr: moving pictures on a terminal, a line now and then elsewhere."""

import threading
from time import monotonic
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.status import Status
from rich.text import Text

#: seconds before the first line, and at least between two
PATIENCE_S = 10.0


class Log(Console):
    """Logs and progress on stderr."""

    def __init__(self) -> None:
        super().__init__(stderr=True, highlight=False, soft_wrap=True, markup=False)

    def status(self, status: RenderableType, **settings: Any) -> Status:
        """What is being done, while it is: a spinner, or lines."""
        if self.is_terminal:
            spinner = "dots" if self.encoding.startswith("utf") else "line"
            return super().status(status, **{"spinner": spinner, **settings})
        return _StatusLines(status, console=self)

    def progress_bar(self) -> Progress:
        """How many of how many are done: a bar, or lines."""
        if not self.is_terminal:
            return _ProgressLines(console=self)
        return Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self,
        )


class _ProgressLines(Progress):
    """Prints a task's state seldom, the longer it takes the more so, and when all is over."""

    def __init__(self, console: Console) -> None:
        super().__init__(console=console, auto_refresh=False, disable=True)
        self._told: dict[TaskID, tuple[float, str]] = {}

    def update(self, task_id: TaskID, **changes: Any) -> None:
        super().update(task_id, **changes)
        self._tell(task_id)

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        super().advance(task_id, advance)
        self._tell(task_id)

    def stop(self) -> None:
        for task_id in self.task_ids:
            self._tell(task_id, last=True)
        super().stop()

    def _tell(self, task_id: TaskID, last: bool = False) -> None:
        with self._lock:
            task = self._tasks[task_id]
            elapsed, (before, text) = task.elapsed or 0.0, self._told.get(task_id, (0.0, ""))
            state = f"{task.description}: {task.completed:,.0f}" + (f"/{task.total:,.0f}" if task.total else "")
            if task.completed and state != text and (last or elapsed >= _next(before)):
                self._told[task_id] = elapsed, state
                self.console.print(f"{state}, {elapsed:.0f} s")


class _StatusLines(Status):
    """Prints what is being done if it takes long."""

    def __init__(self, status: RenderableType, *, console: Console) -> None:
        super().__init__(status, console=console)
        self._over = threading.Event()
        self._teller = threading.Thread(target=self._tell, daemon=True)

    def start(self) -> None:
        self._teller.start()

    def stop(self) -> None:
        self._over.set()
        self._teller.join()

    def _tell(self) -> None:
        start, elapsed = monotonic(), 0.0
        while not self._over.wait(_next(elapsed) - elapsed):
            elapsed = monotonic() - start
            text = self.status.plain if isinstance(self.status, Text) else str(self.status)
            self.console.print(f"{text}, {elapsed:.0f} s")


def _next(elapsed: float) -> float:
    """When to print again, in seconds since the start, if the last time was at ``elapsed``."""
    return elapsed + max(PATIENCE_S, elapsed / 4)
