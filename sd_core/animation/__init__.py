"""Animation without flicker: frames in sequence, each reusing what the frames before it generated."""
