"""Progress without a terminal: a log has one line for each tenth of a step, whatever its number of packages."""

import io

from rich.console import Console

from lab.progress import Timeline


def test_progress_log_has_a_line_for_each_tenth():
    """5,000 packages of one program are a dozen lines."""
    written = io.StringIO()
    timeline = Timeline(Console(file=written, width=120))
    timeline.start("kube-apiserver 1.37.2")
    for done in range(5_000):
        timeline.update("kube-apiserver 1.37.2", "kube-apiserver: compiling", done, 5_000)
    timeline.end("kube-apiserver 1.37.2", "compiled in 212.1 s")
    lines = written.getvalue().splitlines()
    assert [line.split()[-1] for line in lines[1:-1]] == [f"{tenth * 500}/5000" for tenth in range(10)]


def test_progress_log_has_one_line_without_a_total():
    """A step without a total has one line with its activity."""
    written = io.StringIO()
    timeline = Timeline(Console(file=written, width=120))
    for done in range(1_000):
        timeline.update("etcd 3.7.0", "downloading Go modules", done)
    assert written.getvalue().splitlines() == ["   etcd 3.7.0: downloading Go modules"]
