"""Animation that holds still: frames in sequence, each carrying on what the frames before it made."""
