"""Partners that follow by AMQP: what is published for them, and the operator's way to let them in."""
