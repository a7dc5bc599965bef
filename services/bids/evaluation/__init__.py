"""The evaluation of the opened bids of a lot: admissibility, requests to bidders, marks, scorings with their arithmetic, ranking.

`method.py` and `scoring.py` are pure; `service.py` and `requests.py` are the steps, in the order the law wants. Why so: docs/evaluation.md.
"""
