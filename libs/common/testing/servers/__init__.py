"""Real servers for tests and local running: PostgreSQL, RabbitMQ, and the programs some tests need."""
