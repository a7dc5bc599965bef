"""The service's tables: functions over a connection. SQL is in queries.sql."""
