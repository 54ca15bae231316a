"""The command line's options, for the notebook: the one place where this front end looks into the other.

Help texts, what `None` stands for, and how words become values must not differ between `sd-core txt2img` and `%sd txt2img`.
"""

from sd_core.cli.options import build, keyword, parameters, style_option, take

__all__ = ["build", "keyword", "parameters", "style_option", "take"]
