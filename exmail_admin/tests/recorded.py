"""The actions that our code writes to the audit log, read from its source."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path


class Unreadable(Exception):
    """An action is made in a way this can't follow: write it as a text, or as a name that is given texts in the same
    module."""


def recorded_actions(paths: list[Path]) -> Iterator[tuple[Path, str]]:
    """Yield each file and action: the first argument of every call of `record` or `record.each`."""
    for path in paths:
        tree = ast.parse(path.read_text())
        for function, call in _calls_in_functions(tree):
            if ast.unparse(call.func) in {"record", "record.each"} and call.args:
                for action in _texts(call.args[0], function, tree):
                    yield path, action


def _calls_in_functions(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef, ast.Call]]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            yield from ((function, node) for node in ast.walk(function) if isinstance(node, ast.Call))


def _texts(node: ast.expr, function: ast.FunctionDef, tree: ast.Module) -> list[str]:
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp():
            return _texts(node.body, function, tree) + _texts(node.orelse, function, tree)
        case ast.JoinedStr():
            parts = [_texts(part, function, tree) for part in node.values]
            return ["".join(one) for one in itertools.product(*parts)]
        case ast.FormattedValue():
            return _texts(node.value, function, tree)
        case ast.Name(id=name):
            if texts := [*_assigned(name, function, tree), *_handed_in(name, function, tree)]:
                return texts
    raise Unreadable(f"{function.name}: {ast.unparse(node)}")


def _assigned(name: str, function: ast.FunctionDef, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and any(isinstance(to, ast.Name) and to.id == name for to in node.targets):
            yield from _texts(node.value, function, tree)


def _handed_in(name: str, function: ast.FunctionDef, tree: ast.Module) -> Iterator[str]:
    """What the module's own calls of `function` give for its argument `name`."""
    names = [argument.arg for argument in function.args.args]
    for caller, call in _calls_in_functions(tree):
        if not (isinstance(call.func, ast.Name) and call.func.id == function.name):
            continue
        given = dict(zip(names, call.args, strict=False)) | {one.arg: one.value for one in call.keywords}
        if name in given:
            yield from _texts(given[name], caller, tree)
