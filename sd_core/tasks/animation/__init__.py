"""Animation: one frame after another, each from what the frames before it made."""
