"""Reference lists: CPV, NUTS, French departments and communes, from committed tables, loaded at first use."""
