"""What a search of notices means, said once: words, exact phrases, places, and the text of a notice. Pure.

The search of published notices and the matching of saved searches both stand on it; a test holds them against each other
(tests/store/alerts/test_search_and_matching.py).
"""
