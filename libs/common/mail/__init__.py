"""Mails: their form, their words, their way to the mail server; each service that sends some says what they tell."""
