"""What was computed once, by the digests of what it was computed from."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Memo(Generic[T]):
    """At most `most` results, those asked for last. Who asks while one is computed waits for that one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[Hashable, Future[T]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        """The result known under `key`, else that of `compute`. What it raises is raised, and not remembered."""
        with self._lock:
            found = self._known.get(key)
            mine = found is None
            result: Future[T] = Future() if found is None else found
            self._known[key] = result
            self._known.move_to_end(key)
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        if mine:
            self._fill(key, result, compute)
        return result.result()

    def _fill(self, key: Hashable, result: Future[T], compute: Callable[[], T]) -> None:
        try:
            result.set_result(compute())
        except BaseException as error:
            with self._lock:
                self._known.pop(key, None)
            result.set_exception(error)
