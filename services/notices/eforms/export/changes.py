"""What a notice changes in an earlier one: a correction (Changes), or a contract modified during its life."""

from __future__ import annotations

from typing import Final

from libs.common.messages.notices import Change, Modification
from services.notices.eforms.export.lots import level_of, lot_identifier
from services.notices.eforms.export.model import ExportedNotice
from services.notices.eforms.export.tree import EXTENSION, Tree

__all__ = ["changed_notice", "write_change", "write_modification"]

_FIRST_CONTRACT: Final = "CON-0001"


def changed_notice(exported: ExportedNotice) -> str | None:
    """Give the published notice that this one changes (BT-758), as `<uuid>-<version>`."""
    content = exported.content
    if exported.earlier or content.changes:
        return exported.earlier or content.changes
    named = content.change.notice_id if content.change else None
    return f"{named}-01" if named else None


def write_change(tree: Tree, exported: ExportedNotice) -> None:
    """Write which notice is changed, why, and what."""
    change = exported.content.change or Change()
    changes = tree.section(tree.root, f"{EXTENSION}/efac:Changes")
    tree.put(changes, "BT-758-notice", changed_notice(exported))
    tree.put(changes, "BT-140-notice", change.reason)
    tree.put(changes, "BT-762-notice", change.description)
    tree.put(changes, "BT-13716-notice", _section(tree, exported))
    tree.put(changes, "BT-141(a)-notice", change.description)


def _section(tree: Tree, exported: ExportedNotice) -> str:
    """Give what is changed: the only lot, else the whole procedure."""
    level, lots = level_of(tree.subtype), exported.content.lots
    return lot_identifier(lots[0].lot_id, level) if len(lots) == 1 else "PROCEDURE"


def write_modification(tree: Tree, exported: ExportedNotice, modification: Modification) -> None:
    """Write which contract is modified, why and how."""
    element = tree.section(tree.root, f"{EXTENSION}/efac:ContractModification")
    tree.put(element, "BT-1501(n)-Contract", changed_notice(exported), schemeName="notice-id-ref")
    tree.put(element, "BT-1501(c)-Contract", _FIRST_CONTRACT)
    tree.put(element, "BT-200-Contract", modification.reason)
    tree.put(element, "BT-201-Contract", modification.description)
    tree.put(element, "BT-202-Contract", modification.description)
    tree.put(element, "BT-1501(p)-Contract", "RESULT")
