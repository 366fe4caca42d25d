"""Every text that the library can give as the fix of a validation error, found in its source."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import eks_identity
from eks_identity.clusters.cluster_options import REPLACED_CLUSTER_OPTIONS, REPLACED_NODE_GROUP_OPTIONS

PACKAGE = Path(eks_identity.__file__).parent
_ERRORS = {"Problem": 3, "add": 3, "invalid": -1}
"""Calls that create a problem, with the position of the fix among their arguments."""
_HOLE = "\0"


def templates() -> dict[str, str]:
    """Each fix as a regular expression, with the module that has it."""
    found: dict[str, str] = {}
    for source in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(source.read_text())
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        constants = _assigned(tree.body) | _returned(functions)
        for function in functions:
            names = constants | _assigned(list(ast.walk(function)))
            for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
                for text in _fixes(call, names):
                    found.setdefault(_pattern(text), str(source.relative_to(PACKAGE)))
    for text in (*REPLACED_CLUSTER_OPTIONS.values(), *REPLACED_NODE_GROUP_OPTIONS.values()):
        found.setdefault(_pattern(text), "clusters/cluster_options.py")
    return found


def _fixes(call: ast.Call, names: dict[str, list[ast.expr]]) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name not in _ERRORS or (name == "add" and len(call.args) + len(call.keywords) < len(_ERRORS) + 1):
        return
    fixes = [word.value for word in call.keywords if word.arg == "fix"]
    position = _ERRORS[name]
    if not fixes and len(call.args) > max(position, 2 if position < 0 else 0):
        fixes = [call.args[position]]
    for expression in fixes:
        yield from _texts(expression, names)


def _assigned(nodes: list[ast.stmt] | list[ast.AST]) -> dict[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name):
                found.setdefault(target.id, []).append(node.value)
            elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                for each, value in zip(target.elts, node.value.elts, strict=True):
                    if isinstance(each, ast.Name):
                        found.setdefault(each.id, []).append(value)
    return found


def _returned(functions: list[ast.FunctionDef | ast.AsyncFunctionDef]) -> dict[str, list[ast.expr]]:
    """Return what each function of a module returns, by its name with parentheses."""
    found: dict[str, list[ast.expr]] = {}
    for function in functions:
        names = _assigned(list(ast.walk(function)))
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and node.value is not None:
                values = names.get(node.value.id, []) if isinstance(node.value, ast.Name) else [node.value]
                found.setdefault(f"{function.name}()", []).extend(values)
    return found


def _texts(expression: ast.expr, names: dict[str, list[ast.expr]]) -> Iterator[str]:
    """The texts that an expression can be; what only a run can tell is a hole."""
    match expression:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=values):
            yield "".join(_part(each, names) for each in values)
        case ast.IfExp(body=body, orelse=orelse):
            yield from _texts(body, names)
            yield from _texts(orelse, names)
        case ast.BinOp(left=left, right=right):
            for one in _texts(left, names):
                for other in _texts(right, names):
                    yield one + other
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if f"{name}()" in names:
            yield from _texts(ast.Name(f"{name}()"), names)
        case ast.Name(id=name) if name in names:
            for value in names[name]:
                yield from _texts(value, {key: each for key, each in names.items() if key != name})


def _part(node: ast.expr, names: dict[str, list[ast.expr]]) -> str:
    """Return a part of an f-string: its text, or that of a constant with one value."""
    if isinstance(node, ast.FormattedValue) and isinstance(node.value, ast.Name):
        values = names.get(node.value.id, [])
        node = values[0] if len(values) == 1 else node
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else _HOLE


def _pattern(text: str) -> str:
    return ".*".join(map(re.escape, text.split(_HOLE)))


def commands() -> list[str]:
    """Each command that a text of the library names; HOLE is what only a run can tell."""
    found = set()
    for source in PACKAGE.rglob("*.py"):
        tree = ast.parse(source.read_text())
        documentation = {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant | ast.JoinedStr)
        }
        inside = {value for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for value in node.values}
        for node in ast.walk(tree):
            if node in documentation or node in inside or not isinstance(node, ast.Constant | ast.JoinedStr):
                continue
            for text in _texts(node, {}):
                found |= set(re.findall(r"`((?:aws|kubectl|pulumi) [^`]*)`", text.replace(_HOLE, "HOLE")))
    return sorted(found)
