"""The message backbone: outbox, numberer, publisher, transports, inbox, retries, parked messages, feed."""

from libs.common.bus.port import Bus, BusUnavailableError, Publishing, RefusedEventsError

__all__ = ["Bus", "BusUnavailableError", "Publishing", "RefusedEventsError"]
