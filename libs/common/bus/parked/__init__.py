"""Messages that failed and wait for an operator: list them, replay them in order, discard them; all of it audited."""

from libs.common.bus.parked.routes import routes
from libs.common.bus.parked.store import ParkedMessage, discard, listed, read, replay
from libs.common.bus.parked.tool import tool

__all__ = ["ParkedMessage", "discard", "listed", "read", "replay", "routes", "tool"]
