"""The evidence: facts, chained and time-stamped in batches, that prove what happened without the platform.

    async with runtime.uow(actor=actor) as uow:
        ...
        await evidence.record(uow.conn, Fact(procedure, bid, FactKind.UPLOAD_RESUMED, uow.now(), {"upload": ..., "offset": 4096}))

A fact is a row of the transaction it tells of. `journal.py` gathers facts in batches (`merkle.py`), links and stamps them;
`proof.py` checks one fact offline. Why so: docs/evidence.md.
"""

from services.bids.evidence.facts import Fact, FactKind
from services.bids.evidence.store import record

__all__ = ["Fact", "FactKind", "record"]
