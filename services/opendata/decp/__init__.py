"""Essential data of public procurement (DECP): the record of a contract, and its checks. Orders of 22 December 2022."""
