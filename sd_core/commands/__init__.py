"""Requests as text, as on the command line and in a notebook's cell; both front ends use this."""
