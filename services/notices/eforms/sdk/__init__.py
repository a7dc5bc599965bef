"""The rules of the eForms SDK: its field model as compact tables, and a small evaluator of the expressions that it states them in."""
