"""Where frames come from and what they become: render passes, videos and pictures; folder, video and report."""
