"""Declares a component for each case in `cases.json`, and ends with the problems of all."""

import json
from pathlib import Path

import pulumi

import eks_identity as eks
from eks_identity.runtime.component_errors import collect_errors

with collect_errors() as errors:
    for index, case in enumerate(json.loads(Path(__file__).with_name("cases.json").read_text())):
        with errors.of(f"case {index}"):
            getattr(eks, case["component"])(f"case-{index}", case["args"])
if seeded := pulumi.Config().get("seeded"):
    raise ValueError(seeded)
