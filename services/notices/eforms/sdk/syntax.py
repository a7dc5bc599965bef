"""The syntax of the SDK's tests: the small part of XPath 2.0 (W3C, 2010) that its expressions are spelled in."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final, TypeAlias

from services.notices.eforms.xml import NAMESPACES

__all__ = ["EXTENSION", "Tree", "UnknownSyntaxError", "parse", "parse_path"]

Tree: TypeAlias = tuple[Any, ...]
"""A parsed expression: its kind, then its parts."""

EXTENSION: Final = "ext:UBLExtensions/ext:UBLExtension/ext:ExtensionContent/efext:EformsExtension"
"""What `~` stands for in the tables."""

_TOKENS: Final = re.compile(
    r"\s*(?:(?P<string>'[^']*(?:''[^']*)*'|\"[^\"]*\")|(?P<number>\d+(?:\.\d+)?)|\$(?P<variable>[\w-]+)|#(?P<list>[\w-]+)"
    r"|(?P<name>[A-Za-z_][\w-]*(?::(?!:)[A-Za-z_]\w*)?)|(?P<sign>::|\.\.|!=|<=|>=|[()\[\],/@.*+=<>-]))"
)
_COMPARISONS: Final = {
    "=": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=",
    "eq": "=", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
}  # fmt: skip
_SIGNS: Final[dict[str, Tree]] = {"..": ("parent",), ".": ("self",), "*": ("any",)}
_AXES: Final = {"child", "attribute", "parent", "self", "any", "preceding"}


class UnknownSyntaxError(ValueError):
    """The expression uses what this reader does not know."""


@cache
def parse(expression: str) -> Tree:
    """Give the tree of an expression. Raises UnknownSyntaxError."""
    reader = _Reader(expression.replace("~", EXTENSION))
    tree = reader.expression()
    reader.end()
    return tree


@cache
def parse_path(path: str) -> tuple[Tree, ...]:
    """Give the steps of an absolute path, after its root. Raises UnknownSyntaxError."""
    tree = parse(path if path.startswith("/") else f"/*/{path}")
    if tree[0] != "path" or tree[1] != ("root",):
        raise UnknownSyntaxError(path)
    return tuple(tree[2])


class _Reader:
    """Recursive descent over the tokens; each method reads one kind of expression and gives its tree."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str]] = []
        position = 0
        while position < len(text.rstrip()):
            found = _TOKENS.match(text, position)
            if found is None or found.lastgroup is None:
                raise UnknownSyntaxError(f"{text[position : position + 40]!r} in {text[:200]!r}")
            self._tokens.append((found.lastgroup, found[found.lastgroup]))
            position = found.end()
        self._next = 0

    def _kind(self, ahead: int = 0) -> str:
        return self._tokens[self._next + ahead][0] if self._next + ahead < len(self._tokens) else "end"

    def _token(self, ahead: int = 0) -> str:
        return self._tokens[self._next + ahead][1] if self._next + ahead < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._token()
        self._next += 1
        return token

    def _is(self, token: str, ahead: int = 0) -> bool:
        return self._token(ahead) == token and self._kind(ahead) in {"sign", "name"}

    def _expect(self, token: str) -> None:
        if not self._is(token):
            raise UnknownSyntaxError(f"{token!r} expected before {self._token()!r} in {self._text[:200]!r}")
        self._next += 1

    def end(self) -> None:
        """Make sure that all was read. Raises UnknownSyntaxError."""
        if self._kind() != "end":
            raise UnknownSyntaxError(f"{self._token()!r} in {self._text[:200]!r}")

    def expression(self) -> Tree:
        """Read a sequence of expressions, or one."""
        parts = [self._single()]
        while self._is(","):
            self._next += 1
            parts.append(self._single())
        return parts[0] if len(parts) == 1 else ("sequence", *parts)

    def _single(self) -> Tree:
        if self._kind() == "name" and self._kind(1) == "variable" and self._token() in {"for", "every"}:
            return self._binding()
        if self._is("if") and self._is("(", 1):
            return self._condition()
        return self._or()

    def _binding(self) -> Tree:
        kind = self._take()
        bound = []
        while True:
            name = self._take()
            self._expect("in")
            bound.append((name, self._single()))
            if not self._is(","):
                break
            self._next += 1
        self._expect("return" if kind == "for" else "satisfies")
        return kind, tuple(bound), self._single()

    def _condition(self) -> Tree:
        self._next += 2
        test = self.expression()
        self._expect(")")
        self._expect("then")
        positive = self._single()
        self._expect("else")
        return "if", test, positive, self._single()

    def _or(self) -> Tree:
        parts = [self._and()]
        while self._is("or"):
            self._next += 1
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else ("or", *parts)

    def _and(self) -> Tree:
        parts = [self._comparison()]
        while self._is("and"):
            self._next += 1
            parts.append(self._comparison())
        return parts[0] if len(parts) == 1 else ("and", *parts)

    def _comparison(self) -> Tree:
        left = self._sum()
        if self._kind() in {"sign", "name"} and (sign := _COMPARISONS.get(self._token())):
            self._next += 1
            return "compare", sign, left, self._sum()
        return left

    def _sum(self) -> Tree:
        left = self._product()
        while self._is("+") or self._is("-"):
            left = ("arithmetic", self._take(), left, self._product())
        return left

    def _product(self) -> Tree:
        left = self._path()
        while self._is("*") or self._is("mod"):
            left = ("arithmetic", self._take(), left, self._path())
        return left

    def _path(self) -> Tree:
        start: Tree = ("context",)
        steps: list[Tree] = []
        if self._is("/"):
            self._next += 1
            self._expect("*")
            start = ("root",)
        else:
            first = self._step()
            if first[0] in {*_AXES, "text"}:
                steps.append(first)
            else:
                start = first
        while self._is("/"):
            self._next += 1
            steps.append(self._step())
        return start if not steps and start[0] not in {"context", "root"} else ("path", start, tuple(steps))

    def _step(self) -> Tree:
        step = self._bare_step()
        tests = []
        while self._is("["):
            self._next += 1
            tests.append(self.expression())
            self._expect("]")
        if step[0] in _AXES:
            return *step, tuple(tests)
        return ("filter", step, tuple(tests)) if tests else step

    def _bare_step(self) -> Tree:
        kind, spelled = self._kind(), self._take()
        if kind in {"string", "number"}:
            return "literal", spelled[1:-1].replace("''", "'") if kind == "string" else float(spelled)
        if kind in {"variable", "list"}:
            return kind, spelled
        if kind == "name":
            return self._named(spelled)
        if spelled in _SIGNS:
            return _SIGNS[spelled]
        if spelled == "@":  # a sign of the syntax
            return "attribute", self._take()
        if spelled != "(":
            raise UnknownSyntaxError(f"{spelled!r} in {self._text[:200]!r}")
        return self._parenthesis()

    def _parenthesis(self) -> Tree:
        if self._is(")"):
            self._next += 1
            return ("sequence",)
        inside = self.expression()
        self._expect(")")
        return inside

    def _named(self, name: str) -> Tree:
        if self._is("::"):
            self._next += 1
            if name not in {"preceding-sibling", "child"}:
                raise UnknownSyntaxError(f"axis {name!r} in {self._text[:200]!r}")
            following = self._take()
            if name == "child":
                return ("any",) if following == "*" else ("child", _clark(following))
            return "preceding", _clark(following)
        if not self._is("("):
            return "child", _clark(name)
        self._next += 1
        arguments = []
        while not self._is(")"):
            arguments.append(self._single())
            if self._is(","):
                self._next += 1
        self._next += 1
        return ("text",) if name == "text" else ("call", name, *arguments)


def _clark(name: str) -> str:
    prefix, _, local = name.partition(":")
    if not local or prefix not in NAMESPACES:
        raise UnknownSyntaxError(f"name {name!r}")
    return f"{{{NAMESPACES[prefix]}}}{local}"
