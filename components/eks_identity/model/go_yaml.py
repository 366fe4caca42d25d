"""The YAML parser of aws-iam-authenticator in Python: it parses text to a tree of nodes with their positions.

The authenticator reads aws-auth with go-yaml 2.4.0, a port of libyaml. PyYAML has the same grammar; this module
implements the differences: tabs after values, escapes, directives, tags, aliases as separate nodes. It parses only the
first document of a text. `go_values` decodes the nodes to values.

Source: gopkg.in/yaml.v2 2.4.0, `scannerc.go`, `parserc.go`, `decode.go`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes

from yaml.error import Mark, YAMLError
from yaml.events import AliasEvent, DocumentStartEvent, MappingStartEvent, ScalarEvent, SequenceStartEvent
from yaml.parser import Parser, ParserError
from yaml.reader import Reader
from yaml.scanner import Scanner, ScannerError
from yaml.tokens import DirectiveToken, ScalarToken, TagToken

_BREAKS = "\r\n\x85\u2028\u2029"
_BREAK_OR_END = f"\0{_BREAKS}"
_BLANK_OR_END = f"\0 \t{_BREAKS}"
_URI = r"(?:[\w\-;/?:@&=+$,.!~*'()\[\]]|%[0-9A-Fa-f]{2})"
_VERSION = re.compile(r"%YAML[ \t]+(\d{1,2})\.(\d{1,2})[ \t]*(?:#.*)?", re.ASCII)
_TAG_DIRECTIVE = re.compile(rf"%TAG[ \t]+(!|![\w-]*!)[ \t]+({_URI}+)(?:[ \t]+#.*|[ \t]*)", re.ASCII)
_TAG = re.compile(rf"!<(?P<whole>{_URI}+)>|(?P<handle>![\w-]*!)(?P<named>{_URI}+)|!(?P<local>{_URI}*)", re.ASCII)


class Kind(Enum):
    """Kind of a node."""

    SCALAR = auto()
    SEQUENCE = auto()
    MAPPING = auto()
    ALIAS = auto()


@dataclass(eq=False)
class Node:
    """A node of the document as in go-yaml's `decode.go`, which drops tags of collections."""

    kind: Kind
    start: Mark
    end: Mark
    value: str = ""
    tag: str = ""
    is_plain: bool = False
    """Whether the scalar has neither quotes nor a tag, so that its text determines the type."""
    is_flow: bool = False
    children: list[Node] = field(default_factory=list)
    """Items of a sequence; alternating keys and values of a mapping."""
    target: Node | None = None
    """The node of an alias."""

    @property
    def last_line(self) -> int:
        """Line of its last character. The end mark of a block collection is after the comments that follow it."""
        if self.children and not self.is_flow:
            return self.children[-1].last_line
        return self.end.line - 1 if self.end.line > self.start.line and self.end.column == 0 else self.end.line


@dataclass(frozen=True)
class Document:
    """The first document of a text."""

    root: Node | None
    """None for a text that has only comments."""
    end: int
    """Index of its end in the text: at the marker of the next document, or at the end of the text."""


def parse(text: str) -> Document:
    """Return the first document. Raises `YAMLError` if the authenticator cannot parse the text."""
    try:
        parser = _GoParser(text)
        parser.get_event()
        if not isinstance(parser.get_event(), DocumentStartEvent):
            return Document(None, len(text))
        root = _node(parser, {})
        return Document(root, parser.get_event().start_mark.index)
    except RecursionError:
        raise YAMLError("it is nested too deeply") from None
    except (ValueError, IndexError) as error:  # PyYAML raises these for escapes of characters that do not exist
        raise YAMLError(str(error)) from None


def _node(parser: _GoParser, anchors: dict[str, Node]) -> Node:
    event: Any = parser.get_event()
    start, end = event.start_mark, event.end_mark
    if isinstance(event, AliasEvent):
        if event.anchor not in anchors:
            raise ParserError(None, None, f"unknown anchor '{event.anchor}' referenced", start)
        return Node(Kind.ALIAS, start, end, target=anchors[event.anchor])
    if isinstance(event, ScalarEvent):
        node = Node(Kind.SCALAR, start, end, event.value, event.tag or "", event.implicit[0])
    else:
        kind = Kind.SEQUENCE if isinstance(event, SequenceStartEvent) else Kind.MAPPING
        node = Node(kind, start, end, is_flow=bool(event.flow_style))
    if event.anchor is not None:
        anchors[event.anchor] = node
    if isinstance(event, (SequenceStartEvent, MappingStartEvent)):
        while not parser.ends_collection():
            node.children.append(_node(parser, anchors))
        node.end = parser.get_event().end_mark
    return node


class _GoParser(Reader, Scanner, Parser):
    """PyYAML's parser with the differences of go-yaml."""

    ESCAPE_REPLACEMENTS = {  # type: ignore[misc] # noqa: RUF012 - PyYAML's own attribute
        **{name: text for name, text in Scanner.ESCAPE_REPLACEMENTS.items() if name != "/"},
        "'": "'",
    }

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)

    def ends_collection(self) -> bool:
        event = self.peek_event()
        return type(event).__name__ in {"SequenceEndEvent", "MappingEndEvent"}

    def scan_to_next_token(self) -> None:
        """Skip blanks and comments, and tabs where no key can begin."""
        if self.index == 0 and self.peek() == "\ufeff":
            self.forward()
        while True:
            while self.peek() == " " or (self.peek() == "\t" and (self.flow_level or not self.allow_simple_key)):
                self.forward()
            self._skip_comment()
            if not self.scan_line_break():
                return
            if not self.flow_level:
                self.allow_simple_key = True

    def fetch_flow_collection_end(self, TokenClass: Any) -> None:  # noqa: N803 - PyYAML's own name
        super().fetch_flow_collection_end(TokenClass)
        self.flow_level = max(self.flow_level, 0)

    def scan_directive(self) -> DirectiveToken:
        start = self.get_mark()
        line = self._rest_of_line()
        self.forward(len(line))
        self.scan_line_break()
        if version := _VERSION.fullmatch(line):
            return DirectiveToken("YAML", (int(version[1]), int(version[2])), start, self.get_mark())
        if tag := _TAG_DIRECTIVE.fullmatch(line):
            return DirectiveToken("TAG", (tag[1], _unescape(tag[2])), start, self.get_mark())
        raise ScannerError("while scanning a directive", start, f"unknown directive {line!r}", self.get_mark())

    def process_directives(self) -> Any:
        directives = super().process_directives()
        if self.yaml_version not in {None, (1, 1)}:
            version = ".".join(map(str, self.yaml_version))
            raise ParserError(None, None, f"directive %YAML {version}, the authenticator reads 1.1", self.get_mark())
        return directives

    def scan_tag(self) -> TagToken:
        start = self.get_mark()
        tag = _TAG.match(self._rest_of_line())
        assert tag is not None, "the scanner calls this at an exclamation mark"
        self.forward(len(tag[0]))
        if self.peek() not in _BLANK_OR_END:
            self._fail("while scanning a tag", start, "a tag must end with a blank")
        value: tuple[str | None, str] = ("!", _unescape(tag["local"] or ""))
        if tag["whole"] is not None:
            value = (None, _unescape(tag["whole"]))
        elif tag["handle"] is not None:
            value = (tag["handle"], _unescape(tag["named"]))
        elif not tag["local"]:
            value = (None, "!")
        return TagToken(value, start, self.get_mark())

    def scan_block_scalar_ignored_line(self, start_mark: Mark) -> None:
        while self.peek() in " \t":
            self.forward()
        self._skip_comment()
        if self.peek() not in _BREAK_OR_END:
            self._fail("while scanning a block scalar", start_mark, "expected a comment or a line break")
        self.scan_line_break()

    def scan_block_scalar_indentation(self) -> Any:
        indentation = super().scan_block_scalar_indentation()
        if self.peek() == "\t":
            self._fail("while scanning a block scalar", self.get_mark(), "found a tab in place of indentation")
        return indentation

    def scan_block_scalar_breaks(self, indent: int) -> Any:
        breaks = super().scan_block_scalar_breaks(indent)
        if self.column < indent and self.peek() == "\t":
            self._fail("while scanning a block scalar", self.get_mark(), "found a tab in place of indentation")
        return breaks

    def scan_flow_scalar(self, style: str) -> ScalarToken:
        token = super().scan_flow_scalar(style)
        if any("\ud800" <= character <= "\udfff" for character in token.value):
            self._fail("while scanning a quoted scalar", token.start_mark, "found half of a surrogate pair")
        return token

    def scan_plain(self) -> ScalarToken:
        """Return a scalar without quotes. It may contain tabs as blanks; a `:` ends it only before a blank."""
        chunks: list[str] = []
        blanks, breaks = "", list[str]()
        start = end = self.get_mark()
        while not self.check_document_start() and not self.check_document_end() and self.peek() != "#":
            length = self._plain_length()
            if length:
                chunks += [_fold(breaks) or blanks, self.prefix(length)]
                blanks, breaks = "", []
                self.forward(length)
                end = self.get_mark()
            if self.peek() not in f" \t{_BREAKS}":
                break
            while self.peek() in f" \t{_BREAKS}":
                if self.peek() in _BREAKS:
                    breaks.append(self.scan_line_break())
                    continue
                if breaks and self.column <= self.indent and self.peek() == "\t":
                    self._fail("while scanning a plain scalar", start, "found a tab in place of indentation")
                blanks += "" if breaks else self.peek()
                self.forward()
            if not self.flow_level and self.column <= self.indent:
                break
        self.allow_simple_key = self.allow_simple_key or bool(breaks)
        return ScalarToken("".join(chunks), plain=True, start_mark=start, end_mark=end)

    def _plain_length(self) -> int:
        length = 0
        while (character := self.peek(length)) not in _BLANK_OR_END:
            if character == ":" and self.peek(length + 1) in _BLANK_OR_END:
                break
            if self.flow_level and character in ",?[]{}":
                break
            length += 1
        return length

    def _skip_comment(self) -> None:
        if self.peek() == "#":
            while self.peek() not in _BREAK_OR_END:
                self.forward()

    def _rest_of_line(self) -> str:
        length = 0
        while self.peek(length) not in _BREAK_OR_END:
            length += 1
        return str(self.prefix(length))

    def _fail(self, context: str, start: Mark, problem: str) -> NoReturn:
        raise ScannerError(context, start, problem, self.get_mark())


def _fold(breaks: list[str]) -> str:
    """Return the text that line breaks within a scalar are folded to."""
    if not breaks or breaks[0] != "\n":
        return "".join(breaks)
    return "".join(breaks[1:]) or " "


def _unescape(uri: str) -> str:
    return unquote_to_bytes(uri).decode()
