"""States and previews of the lab, stored as data of tests without a lab."""

from __future__ import annotations

import json
import re
from typing import Any

from eks_access.sources.preview import COMMAND
from support.lab_project import REPOSITORY, LabProject

DATA = REPOSITORY / "tests" / "access_graph" / "data"
_LEFT_OUT = frozenset(
    {"__provider", "sourcePosition", "stackTrace", "resourceHooks", "detailedDiff", "created", "modified", "config"}
    | {"diagnostics", "duration", "magic", "secrets_providers", "kubernetesNetworkConfig", "certificateAuthority"}
)
"""Members of the JSON that no source reads, or that name paths of the machine."""
_CIPHERTEXT = re.compile(r'"ciphertext": "[^"]*"')
_CERTIFICATE = re.compile(r"LS0tLS1[A-Za-z0-9+/=]+")


def record_state(project: LabProject) -> None:
    """Store the state of a project's stack, with encrypted secrets."""
    _write("state.json", json.loads(project.pulumi("stack", "export")))


def record_preview(project: LabProject, name: str) -> None:
    """Store the JSON of a preview, and its events with outputs."""
    log = project.folder / "events"
    options = ("--event-log", str(log), "--stack", project.stack_name, "--cwd", str(project.folder))
    done = project.run("pulumi", *COMMAND, "--non-interactive", *options, PULUMI_DEBUG_COMMANDS="true")
    assert done.returncode == 0, done.stderr
    _write(f"preview-{name}.json", json.loads(done.stdout))
    events = [json.loads(line) for line in log.read_text().splitlines()]
    log.unlink()
    _write(f"preview-{name}.events.json", [_outputs(event) for event in events if "resOutputsEvent" in event])


def read(name: str) -> Any:
    """Return stored JSON."""
    return json.loads((DATA / name).read_text())


def _outputs(event: dict[str, Any]) -> dict[str, Any]:
    metadata = event["resOutputsEvent"]["metadata"]
    new = {"outputs": (metadata.get("new") or {}).get("outputs")}
    return {"resOutputsEvent": {"metadata": {"op": metadata["op"], "urn": metadata["urn"], "new": new}}}


def _write(name: str, document: Any) -> None:
    DATA.mkdir(exist_ok=True)
    text = json.dumps(_trimmed(document), indent=1, sort_keys=True)
    text = _CIPHERTEXT.sub('"ciphertext": "v1:AAAA"', _CERTIFICATE.sub("Y2VydGlmaWNhdGU=", text))
    (DATA / name).write_text(f"{text}\n")


def _trimmed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _trimmed(item) for key, item in value.items() if key not in _LEFT_OUT}
    return [_trimmed(item) for item in value] if isinstance(value, list) else value
