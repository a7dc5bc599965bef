"""Mails of the notices service: changes and answers, to those who asked to be told."""
