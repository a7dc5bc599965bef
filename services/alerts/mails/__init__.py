"""Mails: their words, their form, their way to the mail server."""
