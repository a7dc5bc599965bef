"""`make bench-backbone`: the five numbers of the message backbone, each beside a baseline measured in the same run."""
