"""Procedures of several rounds: selection of applications, calls of those invited, each with its deadline, keys and opening.

A round is a consultation of its own, under its own identifier (`Consultation.principal` is the procedure): deposits,
receipts, evidence and openings are the same code. `states.py` is the graph; `selection.py` and `calls.py` are its steps.
"""
