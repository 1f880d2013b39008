"""A device in Python behind a pseudo-terminal; what it says is up to its subclass."""

import os
import threading
import tty
from contextlib import suppress
from select import select
from types import TracebackType
from typing import Self


class PtyDevice:
    """Serves ``port`` by ``serve``, in a thread, for as long as the context lasts."""

    def serve(self) -> None:
        raise NotImplementedError

    def read(self) -> bytes:
        """What the host says next; nothing once the context is over."""
        while not self._over.is_set():
            if select([self._end], [], [], 0.02)[0]:
                return os.read(self._end, 4096)
        return b""

    def write(self, data: bytes) -> None:
        while data and not self._over.is_set():
            if select([], [self._end], [], 0.02)[1]:
                with suppress(BlockingIOError):  # the host has not read what came before
                    data = data[os.write(self._end, data) :]

    def __enter__(self) -> Self:
        self._end, self._host = os.openpty()
        tty.setraw(self._host)
        self.port = os.ttyname(self._host)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self.serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unplug()

    def unplug(self) -> None:
        if not self._over.is_set():
            self._over.set()
            self._thread.join()  # before its descriptor is somebody else's
            os.close(self._host)
            os.close(self._end)
