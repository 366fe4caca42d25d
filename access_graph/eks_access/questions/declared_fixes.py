"""Fixes of objects that a stack declares: the program is changed, since its next update undoes a change by hand."""

from __future__ import annotations

from dataclasses import replace

from eks_access.findings import Finding
from eks_access.graph import AccessGraph
from eks_access.questions import commands


def in_program(graph: AccessGraph, finding: Finding) -> Finding:
    """Return a finding whose fix changes the program, if a stack declares the object; others unchanged."""
    resource = graph.declared_by.get(finding.subject)
    if resource is None:
        return finding
    return replace(finding, fix=commands.advice(f"correct {resource} in the program, and run `pulumi up`"))
