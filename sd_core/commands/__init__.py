"""Requests in words, as on the command line and in a notebook's cell: the one place that both front ends take them from."""
