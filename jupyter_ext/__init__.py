"""The Jupyter front end; still empty."""
