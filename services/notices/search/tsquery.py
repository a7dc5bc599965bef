"""Words as PostgreSQL is asked for them, while the index of a process is being built."""

from __future__ import annotations

from collections.abc import Sequence

from libs.common.search.clauses import Clause, Word

__all__ = ["can_ask", "tsquery_of"]


def can_ask(clauses: Sequence[Clause]) -> bool:
    """Say whether these are words whatever their ending: PostgreSQL holds stems, and no exact words."""
    return all(isinstance(atom, Word) for clause in clauses for atoms in clause.alternatives for atom in atoms)


def tsquery_of(clauses: Sequence[Clause]) -> str | None:
    """Give such words as text of a tsquery; None where nothing is asked. Raises ValueError for others."""
    if not can_ask(clauses):
        raise ValueError("PostgreSQL holds no exact words")
    return " & ".join(_clause(clause) for clause in clauses) or None


def _clause(clause: Clause) -> str:
    words = [[atom for atom in atoms if isinstance(atom, Word)] for atoms in clause.alternatives]
    inner = " | ".join(" & ".join(_either(word) for word in each) for each in words)
    return f"!({inner})" if clause.negative else f"({inner})"


def _either(word: Word) -> str:
    found = " | ".join(_quoted(form) for form in word.forms)
    return f"({found})" if len(word.forms) > 1 else found


def _quoted(lexeme: str) -> str:
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"
