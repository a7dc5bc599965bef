"""The contract between the services and with partners: the model of every event, its envelope, its registry."""
