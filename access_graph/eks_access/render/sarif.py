"""Findings in SARIF 2.1.0, for code scanning.

Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0"; GitHub, "SARIF support for code
scanning", which needs a location of each result: the object in the cluster or account is a logical location, and the
artifact is the source.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from eks_access.findings import Finding, FindingKind, Severity
from eks_access.graph.tables import NotRead

_LEVELS = {Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note"}
_SCORES = {Severity.HIGH: "8.0", Severity.MEDIUM: "5.0", Severity.LOW: "2.0"}
"""`security-severity` of GitHub: high from 7, medium from 4."""


def sarif(findings: Sequence[Finding], source: str, not_read: Sequence[NotRead] = ()) -> dict[str, Any]:
    """Return the findings as a SARIF log.

    Args:
        findings: The results.
        source: The source of the graph in words.
        not_read: Parts that the source could not read. They are notifications of the run.
    """
    kinds = list({finding.kind.id: finding.kind for finding in findings}.values())
    driver = {
        "name": "eks-access",
        "semanticVersion": version("eks-access"),
        "rules": [_rule(kind) for kind in kinds],
    }
    notifications = [{"level": "warning", "message": {"text": f"not evaluated: {each}"}} for each in not_read]
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notifications}],
        "results": [_result(finding, kinds, source) for finding in findings],
    }
    return {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}


def _rule(kind: FindingKind) -> dict[str, Any]:
    return {
        "id": kind.id,
        "shortDescription": {"text": kind.title},
        "help": {"text": f"Source: {kind.source}"},
        "properties": {"security-severity": _SCORES[kind.severity], "tags": ["security", "identity"]},
    }


def _result(finding: Finding, kinds: Sequence[FindingKind], source: str) -> dict[str, Any]:
    text = f"{finding.subject}: {finding.says}; should be: {finding.should_say}. Fix: {finding.fix}"
    location = {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(source.replace(" ", "-"))},
            "region": {"startLine": 1},
        },
        "logicalLocations": [{"fullyQualifiedName": finding.subject}],
    }
    fingerprint = hashlib.sha256(f"{finding.kind.id} {finding.subject}".encode()).hexdigest()
    return {
        "ruleId": finding.kind.id,
        "ruleIndex": [kind.id for kind in kinds].index(finding.kind.id),
        "level": _LEVELS[finding.kind.severity],
        "message": {"text": text},
        "locations": [location],
        "partialFingerprints": {"findingAndObject/v1": fingerprint},
    }
