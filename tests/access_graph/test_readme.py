"""access_graph/README.md shows what the command prints; this test prints the difference."""

import io
import re
from pathlib import Path

from rich.console import Console

from eks_access.questions.trace_principal import trace_principal
from eks_access.render.pages import trace_page
from eks_access.render.text import print_page
from eks_access.sources import live
from support.cluster_chains import BY_AWS_AUTH, LIST_PODS, USER, USERS

REPOSITORY = Path(__file__).resolve().parents[2]
README = REPOSITORY / "access_graph" / "README.md"
WIDTH = 116


def printed(objects):
    output = io.StringIO()
    print_page(trace_page(trace_principal(objects.graph(), USER, LIST_PODS)), Console(file=output, width=WIDTH))
    return "\n".join(line.rstrip() for line in output.getvalue().splitlines())


def test_readme_shows_the_broken_chain_and_the_fixed_one():
    broken = printed(BY_AWS_AUTH.changed(aws_auth={"mapUsers": USERS.replace("operators", "operator")}))
    text = README.read_text()
    assert broken in text, broken
    assert printed(BY_AWS_AUTH) in text, printed(BY_AWS_AUTH)


def test_python_program_prints_the_findings_of_a_trace(monkeypatch, capsys):
    broken = BY_AWS_AUTH.changed(aws_auth={"mapUsers": USERS.replace("operators", "operator")})
    monkeypatch.setattr(live, "open_live", lambda *_, **__: broken.graph())
    (program,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    exec(compile(program, str(README), "exec"), {})  # noqa: S102 - the program that the README shows
    assert "operators, the group of ClusterRoleBinding test-clu-rolebinding" in capsys.readouterr().out


def test_notebook_shows_a_page_with_escaped_names():
    """Jupyter shows what `_repr_markdown_` returns."""
    broken = BY_AWS_AUTH.changed(aws_auth={"mapUsers": USERS.replace("operators", "'<b>|operators'")})
    page = trace_page(trace_principal(broken.graph(), USER, LIST_PODS))
    shown = page._repr_markdown_()
    assert f"### {page.title}" in shown
    assert "|  | link | says |\n| --- | --- | --- |\n| ✔ |" in shown
    assert "\\<b\\>\\|operators" in shown
    assert "<b>" not in shown.partition("```")[0]


def test_first_screen_shows_the_lines_of_the_broken_chain():
    broken = printed(BY_AWS_AUTH.changed(aws_auth={"mapUsers": USERS.replace("operators", "operator")}))
    (shown,) = re.findall(
        r"\$ eks-access trace principal.*?\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL
    )
    missing = [line for line in shown.splitlines() if line.removesuffix(" …") not in broken]
    assert missing == []
