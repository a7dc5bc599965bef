"""The bus on RabbitMQ, 3.10 to 4.x: quorum queues, confirms, mandatory publication, two connections a process."""

from libs.common.bus.rabbit.bus import RabbitBus

__all__ = ["RabbitBus"]
