"""The source of a graph from the text of `--source`: `live`, `state`, `preview` or a file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eks_access.errors import SourceError, UsageError
from eks_access.graph import AccessGraph
from eks_access.sources.levels import too_many_levels
from eks_identity.errors import InvalidInput, MalformedDocumentError, NoPrincipalError

if TYPE_CHECKING:
    from eks_access.cli.source_options import SourceOptions

LIVE, STATE, PREVIEW = "live", "state", "preview"
_FILES = (
    "pass a file of `eks-access snapshot FILE`, `pulumi stack export` or "
    "`pulumi preview --json --show-sames --show-reads`"
)


def open_source(text: str, options: SourceOptions) -> AccessGraph:
    """Return the graph of a source.

    Args:
        text: `live`, `state[=STACK]`, `preview[=STACK]`, or the path of a file: a snapshot, an exported state or the
            JSON of a preview. A file named like a keyword needs a folder: `./state`.
        options: The cluster, and what the sources need.

    Raises:
        UsageError: `text` is none of these.
        SourceError: The source cannot be read at all.
    """
    keyword, separator, stack = text.partition("=")
    if text == LIVE:
        from eks_access.sources.live import open_live  # noqa: PLC0415 - imports boto3 and lightkube

        return open_live(
            options.cluster,
            region=options.region,
            context=options.context,
            kubeconfig=options.kubeconfig,
            profile=options.profile,
            accounts=options.accounts,
        )
    if keyword in {STATE, PREVIEW}:
        if separator and not stack:
            raise UsageError(f"source {text!r} must name a stack after =", f"pass {keyword}=STACK")
        from eks_access.sources.preview import open_preview  # noqa: PLC0415 - runs Pulumi
        from eks_access.sources.state import open_state  # noqa: PLC0415 - runs Pulumi

        open_stack = open_state if keyword == STATE else open_preview
        return open_stack(stack or None, cwd=options.cwd, cluster=options.cluster)
    path = Path(text)
    if not os.path.isfile(path):  # noqa: PTH113 - Path.is_file fails for a name that is too long
        rule = "must be live, state, state=STACK, preview, preview=STACK or the path of an existing file"
        raise UsageError(f"source {text!r} {rule}", _FILES)
    return _open_file(path, options.cluster)


@contextmanager
def explain_malformed(*sources: str) -> Iterator[None]:
    """Raise `SourceError` for a text in a source that AWS, Kubernetes and Pulumi do not have, such as a malformed ARN.

    A stack plans what its program declares, and a file may have been edited. Sources check the types of all values when
    they are opened, and bound the levels of documents. Texts are parsed where a question needs them, so the block has
    the question too: the parsers raise these errors on purpose. All other exceptions, and these with a live source, are
    errors of this package.
    """
    try:
        yield
    except (InvalidInput, MalformedDocumentError, NoPrincipalError) as error:
        if set(sources) == {LIVE}:
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        listed = " or ".join(each for each in sources if each != LIVE)
        message = f"{listed} must have only values that AWS, Kubernetes and Pulumi accept: {reason}"
        fix = "correct this value, or write the file again; report this message if they accept it"
        raise SourceError(message, fix) from error


def _open_file(path: Path, cluster: str | None) -> AccessGraph:
    """Return the graph of a file, which its content tells."""
    content = _read(path)
    if _is_snapshot(path, content):
        from eks_access.sources.snapshot import open_snapshot  # noqa: PLC0415 - imports msgspec

        return open_snapshot(path)
    document = _parse(path, content)
    try:
        if "deployment" in document:
            from eks_access.sources.state import graph_of_state  # noqa: PLC0415 - see above

            return graph_of_state(document, cluster)
        if "steps" in document or "changeSummary" in document:
            from eks_access.sources.preview import graph_of_preview  # noqa: PLC0415 - see above

            return graph_of_preview(document, cluster=cluster)
    except SourceError as error:
        raise SourceError(f"{path}: {error.message}", error.fix) from error
    raise SourceError(f"{path} must be a snapshot, an exported state or a preview", _FILES)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}", _FILES) from error


def _is_snapshot(path: Path, content: bytes) -> bool:
    """Return whether a file is a snapshot. Only its keys are parsed: `open_snapshot` parses the objects, once."""
    import msgspec  # noqa: PLC0415 - only files need it

    try:
        return "taken_at" in msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    except RecursionError as error:
        raise too_many_levels(str(path)) from error
    except msgspec.MsgspecError:
        return False


def _parse(path: Path, content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except RecursionError as error:
        raise too_many_levels(str(path)) from error
    except ValueError as error:
        raise SourceError(f"{path} must be JSON: {error}", _FILES) from error
    return document if isinstance(document, dict) else {}
