"""The fault catalogue of cluster access on a lab: each break is injected, named, and fixed by what is printed.

AWS's clients and kubectl inject the breaks. `kubectl get`, as the principal, decides before the break, with it and
after the fix.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tenacity import Retrying, stop_after_delay, wait_fixed

from eks_access.findings import Trace
from eks_access.graph import AccessGraph
from eks_access.questions.trace_principal import trace_principal
from lab.principals import ADMINISTRATOR
from support.lab_chains.access_faults import FAULTS, LIST_PODS, AccessFault
from support.lab_chains.lab_access import BY_AWS_AUTH, BY_ENTRY, USER, LabAccess
from support.lab_chains.lab_shell import LabShell, Printed
from support.lab_chains.score import Score, sample

_EDIT = re.compile(r"`(kubectl [^`]*)`")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "fault" in metafunc.fixturenames:
        chosen = sample(FAULTS, everything=metafunc.config.getoption("--conformance"))
        metafunc.parametrize("fault", chosen, ids=lambda each: f"{each.row}-{each.id}")


def test_break_is_named_and_its_printed_fix_works(
    fault: AccessFault, access: LabAccess, score: Score, tmp_path: Path
) -> None:
    """The trace names the broken link and no other. The printed fix, run by a shell, lets the principal in."""
    shell = LabShell(access.clients, fault.cluster)
    access.restore(fault.cluster)
    if fault.request == LIST_PODS:
        healthy = shell.trace(_question(fault))
        score.add(f"healthy {fault.id}", healthy.found, [])
        assert healthy.holds, healthy
        _wait_for("works", access, fault)

    fault.inject(access)
    broken = shell.trace(_question(fault))
    score.add(fault.id, broken.found, [(fault.link, fault.kind)])
    assert broken.found == [(fault.link, fault.kind)], broken
    if fault.id != "deleted-user":  # who has no access key then
        _wait_for(fault.verdict, access, fault)

    _play(shell, fault, broken.fix, tmp_path)
    fixed = shell.trace(_question(fault))
    score.add(f"fixed {fault.id}", fixed.found, [])
    assert fixed.found == [], f"{broken.fix}\n{fixed}"
    assert fixed.holds, fixed
    _wait_for("works", access, fault)


def test_command_prints_the_same_trace_and_its_fix_works(access: LabAccess) -> None:
    """`eks-access trace principal` as a process prints the trace and exits with 1, and with 0 after the fix."""
    (fault,) = [each for each in FAULTS if each.id == "group-in-other-case"]
    shell = LabShell(access.clients, BY_ENTRY)
    access.restore(BY_ENTRY)
    fault.inject(access)
    command = ("trace", "principal", USER, "--verb", "list", "--resource", "pods", "-n", "default")
    broken = shell.run_eks_access(*command)
    assert (broken.code, broken.stdout) == (1, shell.trace(_question(fault)).text)
    shell.play(Printed([], holds=False, text=broken.stdout).fix)
    assert shell.run_eks_access(*command).code == 0


def test_list_names_the_mapping_of_a_deleted_user_and_its_fix_removes_it(access: LabAccess, score: Score) -> None:
    """`eks-access list` has no finding in a healthy cluster, and one for the mapping of a user that was deleted."""
    shell = LabShell(access.clients, BY_AWS_AUTH)
    access.restore(BY_AWS_AUTH)
    healthy = shell.list_mappings()
    score.add("healthy list", healthy.found, [])
    assert healthy.holds, healthy
    access.delete_user("eks-ope")
    broken = shell.list_mappings()
    expected = [("mapUsers[0] of ConfigMap kube-system/aws-auth", "mapping-of-deleted-principal")]
    score.add("list", broken.found, expected)
    assert broken.found == expected
    shell.play(broken.fix)
    assert shell.list_mappings().found == []


def test_eks_rejects_an_entry_with_a_system_group(access: LabAccess) -> None:
    """Row B9 of the catalogue cannot be injected: EKS rejects groups that begin with `system:`."""
    access.restore(BY_ENTRY)
    with pytest.raises(access.eks.exceptions.InvalidParameterException, match="system:"):
        access.set_groups("operators", "system:masters")


def test_eks_rejects_access_entries_in_the_mode_config_map(access: LabAccess) -> None:
    """A cluster of the mode CONFIG_MAP has no access entries that the mode could ignore."""
    with pytest.raises(access.eks.exceptions.InvalidRequestException):
        access.eks.create_access_entry(clusterName=BY_AWS_AUTH, principalArn=USER)


def test_precision_and_recall_of_access_findings_are_one(score: Score, capsys: pytest.CaptureFixture[str]) -> None:
    """Over all breaks that were played, every finding is right and none is missing."""
    with capsys.disabled():
        sys.stdout.write(f"\ncluster access: {score}\n")
    assert (score.wrong, score.missing) == ([], [])
    assert (score.precision, score.recall) == (1, 1)


def _question(fault: AccessFault) -> Callable[[AccessGraph], Trace]:
    return lambda graph: trace_principal(graph, fault.principal, fault.request)


def _play(shell: LabShell, fault: AccessFault, fix: str, folder: Path) -> None:
    """Run the text of a fix; for one that a user has to do in an editor, the command that it names."""
    if fault.editor is None:
        shell.play(fix)
        return
    (edit,) = _EDIT.findall(fix)
    editor = folder / "editor"
    change = f"path.write_text(path.read_text().replace(*{fault.editor!r}))"
    editor.write_text(f"#!{sys.executable}\nimport pathlib, sys\npath = pathlib.Path(sys.argv[1])\n{change}\n")
    editor.chmod(0o755)
    shell.play(f"export KUBE_EDITOR={editor}; {edit}")


def _wait_for(verdict: str, access: LabAccess, fault: AccessFault) -> None:
    """Wait until kubectl has a result for the principal: the authenticator watches aws-auth and reads entries."""
    principal = fault.principal.partition(":user/")[2] or fault.principal
    namespace = ["-n", fault.request.namespace] if fault.request.namespace else ["--all-namespaces"]
    command = ("get", fault.request.resource, *namespace)
    for attempt in Retrying(stop=stop_after_delay(30), wait=wait_fixed(0.3), reraise=True):
        with attempt:
            result = access.kubectl_as(principal or ADMINISTRATOR, fault.cluster, *command)
            assert result.verdict == verdict, result
