"""The service's tables: functions over a connection. Each module has its SQL in the file of the same name."""
