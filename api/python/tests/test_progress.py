"""Waiting shows when the answer is due, in terminals and in notebooks, and nothing else."""

from __future__ import annotations

import io
import sys
import types
from datetime import datetime, timezone
from typing import Any

import pytest
from conftest import ESTIMATE, TICKET, Stage

import qunxiang as qx
from qunxiang import _asking

DUE = datetime(2026, 1, 31, 12, 0, tzinfo=timezone.utc)


def test_the_line_says_when() -> None:
    assert _asking.line(DUE, 9.6).endswith("in 10 s")
    assert _asking.line(DUE, 7200).endswith("in 120 min")
    assert "any moment" in _asking.line(DUE, -1)
    assert _asking.line(DUE, 1).startswith("the answer is due at ")


def test_a_terminal_writes_over_the_line() -> None:
    out = io.StringIO()
    terminal = _asking.Terminal(out)
    terminal.show(DUE, 2)
    terminal.show(DUE, 1)
    terminal.done()
    assert out.getvalue().count("\r\x1b[K") == 3
    assert "\n" not in out.getvalue()
    assert out.getvalue().endswith("\r\x1b[K")


class Kernel:
    """As much of IPython as is used."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: str = "n") -> None:
        self.shown: list[str] = []
        self.asked: list[str] = []
        module: Any = types.ModuleType("IPython")
        module.get_ipython = lambda: types.SimpleNamespace(kernel=object())
        display: Any = types.ModuleType("IPython.display")
        display.HTML = str
        display.display = self._display
        monkeypatch.setitem(sys.modules, "IPython", module)
        monkeypatch.setitem(sys.modules, "IPython.display", display)

        def ask(question: str) -> str:
            self.asked.append(question)
            return answer

        monkeypatch.setattr("builtins.input", ask)

    def _display(self, text: str, display_id: bool) -> Any:
        assert display_id
        self.shown.append(text)
        return types.SimpleNamespace(update=self.shown.append)


def test_a_notebook_changes_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(monkeypatch)
    line = _asking.progress()
    assert isinstance(line, _asking.Notebook)
    line.show(DUE, 9)
    line.show(DUE, 8)  # within the same second: not again
    line.done()
    assert [t[:30] for t in kernel.shown] == [
        "<em>the answer is due at " + kernel.shown[0][25:30],
        "",
    ]


def test_a_notebook_asks(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(monkeypatch, "n")
    stage.will(ESTIMATE)
    with pytest.raises(qx.NotConfirmed, match="You said no"):
        stage.client().ask("I3", window="2017-01-01..2017-12-31", cost=0.25)
    assert "Spend this?" in kernel.asked[0]
    Kernel(monkeypatch, "y")
    stage.will(ESTIMATE, TICKET)
    assert stage.client().ask("I3", window="2017-01-01..2017-12-31", cost=0.25, wait=False).charged


def test_a_script_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setattr(sys, "stdin", None)
    assert not _asking.interactive()
    assert isinstance(_asking.progress(), _asking.Silent)
