"""Write docs/policies.md, and the JSON schema of the policy config.

`make schema` runs `python docs/policies.py`.
"""

import json
from pathlib import Path

from eks_access.catalogue.policies import RULES
from eks_access.catalogue.policy_rule import PolicyRule, Scope
from eks_access.questions.policies.settings import schema

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "policies.md"
SCHEMA = ROOT / "policies" / "policy-config.schema.json"
HEAD = """# Policies

The rules of the [policy pack](../policies/README.md), which `pulumi preview --policy-pack policies` and
[`eks-access check`](../access_graph/README.md#commands) evaluate. A `mandatory` rule stops an update, an `advisory` one
is reported. CIS is the number in the CIS Amazon EKS Benchmark 1.7: tools that read only Kubernetes leave 4.1.7 to
4.1.12, 5.2.1 and 5.5.1 to people.

## All rules

| rule | severity | level | scope | CIS | violation |
|---|---|---|---|---|---|
"""
SCOPES = {
    Scope.RESOURCE: "of each resource, before it is created",
    Scope.STACK: "of the whole stack, after its last resource",
}


def page() -> str:
    """Return the page of all rules."""
    rows = [
        f"| [`{rule.id}`](#{rule.id}) | {rule.kind.severity} | {rule.level} | {rule.scope} | {rule.cis} "
        f"| {rule.kind.title} |\n"
        for rule in RULES
    ]
    return HEAD + "".join(rows) + "".join(map(section, RULES))


def section(rule: PolicyRule) -> str:
    """Return the section of one rule."""
    benchmark = f"\n- CIS Amazon EKS Benchmark: {rule.cis}" if rule.cis else ""
    return f"""
## {rule.id}

{rule.kind.title[0].upper()}{rule.kind.title[1:]}.

- Rule: {rule.requirement}
- Why: {rule.why}
- Fix: {rule.fix}
- Decided: {SCOPES[rule.scope]}
- Source: {rule.kind.source}{benchmark}
"""


def documents() -> dict[Path, str]:
    """Return the text of each generated file."""
    return {PAGE: page(), SCHEMA: json.dumps(schema(), indent=2) + "\n"}


if __name__ == "__main__":
    for path, text in documents().items():
        path.write_text(text)
