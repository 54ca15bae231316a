"""The surface points of frames: where they are seen in another frame, and how pictures are sampled there."""
