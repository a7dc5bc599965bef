"""Shapes of expressions that the SDK repeats often, so that they can be answered at the cost of a look-up."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

from services.notices.eforms.sdk.paths import HERE, climbs_of, is_free, repeats
from services.notices.eforms.sdk.syntax import Tree, parse, parse_path
from services.notices.eforms.sdk.table import code_list

__all__ = [
    "IS_TRIMMED",
    "NORMAL",
    "TEXT_CALL",
    "alike",
    "attribute",
    "bare",
    "before_text",
    "beginnings",
    "cheapest_first",
    "child_count",
    "choice",
    "codes",
    "duplicates",
    "fold",
    "is_about_languages",
    "is_own_period",
    "is_stable",
    "is_text",
    "multilingual",
    "once",
    "united",
    "within",
]

IS_TRIMMED: Final = parse(r"replace(replace(.,'\s+$',''),'^\s+','') eq .")
"""No blank around the value."""
NORMAL: Final = parse("normalize-space(.)")
"""A text with its blanks normalised."""
_COUNTS: Final = {("=", ("literal", 0.0)), (">", ("literal", 0.0)), ("<", ("literal", 2.0))}
_TRUE: Final[Tree] = ("call", "true")
_FALSE: Final[Tree] = ("call", "false")
_SUBTYPE: Final = tuple(step[1] for step in parse_path("/*/efac:NoticeSubType/cbc:SubTypeCode"))
_ELSEWHERE: Final = {("root",), ("child",), ("parent",), ("any",), ("preceding",)}
_LANGUAGES: Final = parse("(/*/cbc:NoticeLanguageCode, /*/cac:AdditionalNoticeLanguage/cbc:ID)")
TEXT_CALL: Final = parse("normalize-space(text())")
"""The text of an element with its blanks normalised, as a step."""


@cache
def is_text(tree: Tree) -> bool:
    """Say whether an expression gives elements, attributes or texts: never numbers nor dates."""
    if tree in {NORMAL, TEXT_CALL}:
        return True
    if tree[0] == "variable":
        return str(tree[1]).startswith("global-") or tree[1] == "noticeSubType"
    if tree[0] == "sequence":
        return all(map(is_text, tree[1:]))
    if tree[0] != "path":
        return False
    steps = tree[2]
    plain = {"child", "attribute", "parent", "self", "any", "text"}
    return all(step[0] in plain for step in steps[:-1]) and (steps[-1][0] in plain or steps[-1] == TEXT_CALL)


def attribute(tree: Tree) -> str | None:
    """Give the attribute that `@name` and `count(@name) > 0` ask for, None for another expression."""
    if tree[0] == "compare" and tree[1] == ">" and tree[3] == ("literal", 0.0) and tree[2][:2] == ("call", "count"):
        tree = tree[2][2]
    if tree[:2] != ("path", ("context",)) or len(tree[2]) != 1 or tree[2][0][0] != "attribute":
        return None
    return str(tree[2][0][1])


def child_count(tree: Tree) -> tuple[str, str] | None:
    """Give `=`, `>` or `<`, and the child, of `count(child) = 0`, `> 0` and `< 2`; None for another expression."""
    if tree[0] != "compare" or tree[2][:2] != ("call", "count") or (tree[1], tree[3]) not in _COUNTS:
        return None
    path = tree[2][2]
    if path[:2] != ("path", ("context",)) or len(path[2]) != 1 or path[2][0][0] != "child" or path[2][0][2]:
        return None
    return tree[1], path[2][0][1]


def multilingual(tree: Tree) -> tuple[str, Tree] | None:
    """Give `B` (in each language of the notice) or `C` (in no other), and the path, of the SDK's two rules on languages."""
    if tree[0] != "every" or len(tree[1]) != 1:
        return None
    ((name, source),) = tree[1]
    if source == _LANGUAGES and tree[2][:2] == ("compare", "=") and tree[2][3] == ("variable", name):
        return "B", tree[2][2]
    return ("C", source) if tree[2] == ("compare", "=", ("variable", name), _LANGUAGES) else None


def is_about_languages(tree: Tree) -> bool:
    """Say whether this is one of the SDK's three rules on the languages of a text that is a child: A (each once), B and C."""
    parts = tree[1:] if tree[0] == "or" else (tree,)
    if any(multilingual(part) for part in parts):
        source = next(found[1] for part in parts if (found := multilingual(part)))
        return len(source[2]) == 2
    if (
        tree[0] != "compare"
        or tree[2][:2] != ("call", "count")
        or tree[2][2][0] != "path"
        or tree[3] != ("literal", 0.0)
    ):
        return False
    steps = tree[2][2][2]
    return len(steps) == 1 and any(repeats(steps[0], condition) for condition in steps[0][-1])


def fold(tree: Tree, subtype: str) -> Tree:
    """Give an expression with what it asks of the notice's subtype answered already."""
    if tree[0] == "compare" and tree[1] in {"=", "!="} and _is_subtype(tree[2]):
        known = codes(tree[3])
        if known is not None:
            holds = subtype in known if tree[1] == "=" else known != {subtype}
            return _TRUE if holds else _FALSE
    if tree[:2] == ("call", "not"):
        inside = fold(tree[2], subtype)
        return {_TRUE: _FALSE, _FALSE: _TRUE}.get(inside) or ("call", "not", inside)
    if tree[0] in {"and", "or"}:
        decisive, idle = (_FALSE, _TRUE) if tree[0] == "and" else (_TRUE, _FALSE)
        parts = [part for part in (fold(part, subtype) for part in tree[1:]) if part != idle]
        if decisive in parts:
            return decisive
        return idle if not parts else parts[0] if len(parts) == 1 else (tree[0], *parts)
    return tree


def _is_subtype(tree: Tree) -> bool:
    if tree == ("variable", "noticeSubType"):
        return True
    if tree[0] != "path":
        return False
    names = [step[1] if step[0] == "child" else step for step in tree[2][-3:]]
    return names == [*_SUBTYPE, TEXT_CALL] or names[-2:] == list(_SUBTYPE)


def bare(tree: Tree) -> Tree:
    """Give a path without the conditions of its steps, down to its last element: it gives at least as much."""
    if tree[:2] != ("path", ("context",)) or any(step[0] not in {"child", "attribute"} for step in tree[2]):
        return tree
    return "path", tree[1], tuple(("child", step[1], ()) for step in tree[2] if step[0] == "child") or tree[2]


def cheapest_first(parts: tuple[Tree, ...]) -> list[Tree]:
    """Give the parts of an `or` or an `and`, the smallest first: most rules are `what is asked or not(when it is asked)`."""
    return sorted(parts, key=_size)


@cache
def _size(tree: object) -> int:
    return 1 + sum(map(_size, tree)) if isinstance(tree, tuple) else 1


@cache
def united(tree: Tree) -> tuple[Tree, ...]:
    """Give the parts of an `or`; `path = a or path = b`, of texts at one place above, is one part: `path = (a, b)`, as XPath means `=`."""
    parts: list[Tree] = []
    targets: dict[tuple[Tree, int], list[Tree]] = {}
    for part in tree[1:]:
        known = part[:2] == ("compare", "=") and is_text(part[2]) and is_text(part[3]) and is_free(part)
        climbs = climbs_of(part[3]) if known else 0
        if climbs:
            targets.setdefault((part[2], climbs), []).append(part[3])
        else:
            parts.append(part)
    for (path, _), found in targets.items():
        parts.append(("compare", "=", path, found[0] if len(found) == 1 else ("sequence", *found)))
    return tuple(parts)


def choice(tree: Tree) -> tuple[Tree, dict[str, Tree]] | None:
    """Give the path, and what is asked for each code, of `(path = 'a' and ...) or (path = 'b' and ...)`; None for another expression."""
    chosen: dict[str, Tree] = {}
    paths = set()
    for part in tree[1:]:
        first: Tree = part[1] if part[0] == "and" else part
        known = codes(first[3]) if first[:2] == ("compare", "=") and is_text(first[2]) else None
        if part[0] != "and" or known is None or len(known) != 1:
            return None
        paths.add(first[2])
        chosen[next(iter(known))] = part[2] if len(part) == 3 else ("and", *part[2:])
    return (paths.pop(), chosen) if len(paths) == 1 and len(chosen) == len(tree) - 1 else None


def beginnings(tree: Tree) -> tuple[Tree, tuple[str, ...]] | None:
    """Give the path and the beginnings of `starts-with(path, 'a') or starts-with(path, 'b')`, None for another expression."""
    if any(part[:2] != ("call", "starts-with") or part[2] != tree[1][2] for part in tree[1:]):
        return None
    return tree[1][2], tuple(str(part[3][1]) for part in tree[1:])


def within(tree: Tree) -> tuple[Tree, Tree] | None:
    """Give source and target of `every $x in source satisfies $x = target` between texts, None for another expression."""
    if len(tree[1]) != 1 or tree[2][:2] != ("compare", "=") or tree[2][2] != ("variable", tree[1][0][0]):
        return None
    source, target = tree[1][0][1], tree[2][3]
    return (source, target) if is_text(source) and is_text(target) and is_free(target) else None


def before_text(tree: Tree) -> Tree | None:
    """Give `path` of `path/normalize-space(text())`, None for another expression."""
    if tree[0] != "path" or len(tree[2]) == 1 or tree[2][-1] != TEXT_CALL:
        return None
    return "path", tree[1], tree[2][:-1]


def is_stable(tree: Tree) -> bool:
    """Say whether many elements share the answer: the path begins at the root, or climbs."""
    if tree[0] == "sequence":
        return all(map(is_stable, tree[1:]))
    return is_free(tree) and (tree[0] == "variable" or tree[1] == ("root",) or tree[2][0] == ("parent", ()))


def is_own_period(tree: Tree) -> bool:
    """Say whether an expression counts from today, and looks at nothing else than the text and the attributes of its element."""
    return ("call", "current-date") in _parts(tree) and not any(map(_looks_away, _parts(tree)))


def _parts(tree: object) -> Iterator[tuple[object, ...]]:
    if isinstance(tree, tuple):
        yield tree
        for part in tree:
            yield from _parts(part)


def _looks_away(tree: tuple[object, ...]) -> bool:
    return tree[:1] in _ELSEWHERE or (tree[:1] == ("variable",) and is_free(tree))


def codes(tree: Tree) -> frozenset[str] | None:
    """Give the codes of a literal, of a sequence of literals or of a named list; None for another expression."""
    if tree[0] == "list":
        return code_list(tree[1])
    parts = tree[1:] if tree[0] == "sequence" else (tree,)
    if not all(part[0] == "literal" and isinstance(part[1], str) for part in parts):
        return None
    return frozenset(part[1] for part in parts)


def once(tree: Tree) -> Tree | None:
    """Give the path of `count(for $x in ., $y in path[. = $x] return $y)`, None for another expression."""
    if tree[:2] != ("call", "count") or tree[2][0] != "for" or len(tree[2][1]) != 2:
        return None
    (name, source), (other, path) = tree[2][1]
    same: Tree = ("compare", "=", HERE, ("variable", name))
    if source != HERE or tree[2][2] != ("variable", other) or path[0] != "path":
        return None
    last = path[2][-1]
    if not last[-1] or last[-1][-1] != same:
        return None
    return "path", path[1], (*path[2][:-1], (*last[:-1], last[-1][:-1]))


def duplicates(tree: Tree) -> Tree | None:
    """Give the source of `for $v in $source return $v[count($source[. = $v]) > 1]`, None for another expression."""
    if tree[0] != "for" or len(tree[1]) != 1:
        return None
    name, source = tree[1][0]
    same: Tree = ("compare", "=", HERE, ("variable", name))
    repeated: Tree = ("compare", ">", ("call", "count", ("filter", source, (same,))), ("literal", 1.0))
    return source if tree[2] == ("filter", ("variable", name), (repeated,)) else None


def alike(tree: Tree) -> tuple[tuple[tuple[str, Tree], ...], str] | None:
    """Give half of `every $a in X, $b in X, $c in Y[. = $a], $d in Y[. = $b] satisfies $c = $d`, None for another expression."""
    bound, body = tree[1], tree[2]
    if len(bound) != 4 or body[:2] != ("compare", "="):
        return None
    (first, source), (second, again), (value, _), (other, _) = bound
    if source != again or body[2:] != (("variable", value), ("variable", other)) or first == second:
        return None
    return (bound[0], bound[2]), value
