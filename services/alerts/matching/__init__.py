"""Which saved searches a notice answers: words, exact phrases, codes, places, values. Pure; no I/O."""
