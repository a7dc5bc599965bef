"""Correspondence between a buyer and those who answered it: messages, replies, attachments, the proof of each step.

A message is a letter (`services/bids/service/letters.py`): there is one inbox. `service.py` writes and reads, `delivery.py`
notes what the mail server took and reminds of what nobody read, `register.py` draws up the buyer's register.
"""
