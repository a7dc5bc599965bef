"""Messages that failed and wait for an operator: list them, replay them in order, discard them; all of it audited."""

from libs.common.bus.parked.many import Done, discard_many, replay_many
from libs.common.bus.parked.routes import routes
from libs.common.bus.parked.store import ParkedMessage, Selection, discard, groups, listed, read, replay
from libs.common.bus.parked.tool import tool

__all__ = [
    "Done",
    "ParkedMessage",
    "Selection",
    "discard",
    "discard_many",
    "groups",
    "listed",
    "read",
    "replay",
    "replay_many",
    "routes",
    "tool",
]
