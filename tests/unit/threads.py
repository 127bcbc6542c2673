"""On which threads functions run."""

import threading
from collections.abc import Callable
from types import ModuleType

import pytest


def threads_of(monkeypatch: pytest.MonkeyPatch, module: ModuleType, *names: str) -> list[threading.Thread]:
    """The threads that call these functions of a module from now on."""
    threads = list[threading.Thread]()

    def noted(function: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object) -> object:
            threads.append(threading.current_thread())
            return function(*args)

        return call

    for name in names:
        monkeypatch.setattr(module, name, noted(getattr(module, name)))
    return threads
