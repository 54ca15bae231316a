"""What earlier frames made, carried to the frame at hand: from which frame, how sure, and what must be regenerated."""
