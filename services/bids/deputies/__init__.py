"""Shares that absent officers sealed again to their deputies: taken, shown, served; they open nothing by themselves."""
