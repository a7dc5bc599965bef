"""Files that people give: what they are, whether they are dangerous."""
