"""What a log line tells of a failure: where, and of what kind, never with which values."""

from __future__ import annotations

from libs.common.telemetry import _tell_where


def test_a_failure_among_tasks_is_told_by_its_own_place() -> None:
    line = _tell_where(None, "", {"exc_info": _group()})
    assert line["exceptions"] == ["ExceptionGroup", "ExceptionGroup", "ValueError", "KeyError"]
    assert line["places"][-1].endswith("_fail")
    assert "secret" not in str(line)


def _group() -> BaseException:
    try:
        _fail()
    except ValueError as error:
        return ExceptionGroup("secret", [ExceptionGroup("secret", [error]), TypeError()])
    raise AssertionError


def _fail() -> None:
    try:
        raise KeyError("secret")
    except KeyError as error:
        raise ValueError("secret") from error
