"""The engine's event log, read while the engine writes it."""

import pytest

from eks_pipeline.errors import OperationFailedError
from eks_pipeline.stack.commands import _LogReader


def read(log, on_event):
    with _LogReader(log, on_event):
        pass


def test_events_of_a_cut_line_are_left_out(tmp_path):
    """A killed engine leaves one."""
    log, found = tmp_path / "events.jsonl", []
    log.write_text('{"a": 1}\n{"b": ')
    read(log, found.append)
    assert found == [{"a": 1}]


def test_an_event_log_that_cannot_be_read_fails_the_operation(tmp_path):
    """Without it, a preview with mandatory violations would look clean."""
    log = tmp_path / "events.jsonl"
    log.write_text('{"policyEvent": {}}\nno JSON\n')
    with pytest.raises(OperationFailedError, match="policy findings may be missing: JSONDecodeError"):
        read(log, lambda _: None)


def test_failure_of_the_engine_is_not_hidden_by_that_of_its_log(tmp_path):
    log = tmp_path / "events.jsonl"
    log.write_text("no JSON\n")
    with pytest.raises(KeyError), _LogReader(log, lambda _: None):
        raise KeyError
