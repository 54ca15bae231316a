# SPDX-License-Identifier: GPL-3.0-or-later
"""The schedulers that the field suggests."""

SCHEDULERS = (
    "ddim", "ddpm", "deis", "dpm2", "dpm2_ancestral", "dpm2_karras", "dpmpp_2m", "dpmpp_2m_karras", "dpmpp_2m_sde",
    "dpmpp_2m_sde_karras", "dpmpp_2s", "dpmpp_2s_karras", "euler", "euler_ancestral", "euler_karras", "euler_trailing",
    "heun", "heun_karras", "lcm", "lms", "lms_karras", "pndm", "sa_solver", "tcd", "unipc", "unipc_karras",
)  # fmt: skip
"""Names that `sd_core` knows; the engine has the table itself, which needs torch."""
