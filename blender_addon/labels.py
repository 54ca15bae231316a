# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels and tooltips of the fields of requests."""

Words = dict[str, tuple[str, str]]

GENERATION: Words = {
    "prompt": ("Prompt", "What the image shows; emphasis as (word:1.3)"),
    "negative_prompt": ("Negative Prompt", "What the image should not show"),
    "width": ("Width", "Width of the image, a multiple of 8"),
    "height": ("Height", "Height of the image, a multiple of 8"),
    "num_inference_steps": ("Steps", "Denoising steps: more take longer and give finer detail"),
    "guidance_scale": ("Guidance", "How closely the image follows the prompt; 1 or less is unguided and twice as fast"),
    "scheduler": ("Scheduler", "The method of denoising"),
    "seed": ("Seed", "The same seed and settings give the same image; otherwise each image is another one"),
    "num_images": ("Images", "How many images to make, each from the next seed"),
    "model": ("Model", "A model by name, a hub id, a folder or a .safetensors file; empty for the server's default"),
    "seamless": ("Seamless", "Axes along which the image repeats without a seam"),
    "seamless_method": ("Seamless Method", "Padding repeats exactly; rolling nearly, and at any size"),
}
STRENGTH: Words = {
    "strength": ("Strength", "How much of the image may change: 1 keeps almost nothing of it"),
}
INPAINT: Words = {
    "fill": ("Fill", "What lies under the mask before denoising"),
    "feather": ("Feather", "Pixels over which the old and the new image are blended"),
    "expand": (
        "Expand",
        "Pixels that are added at the left, top, right and bottom of the image and painted (outpainting)",
    ),
}
UPSCALE: Words = {
    "scale": ("Scale", "How many times larger the image becomes"),
}
LORA: Words = {
    "path": (
        "LoRA",
        "A name in the server's LoRA folder, a .safetensors file, a folder or a hub id, as the server sees it",
    ),
    "weight": ("Weight", "How strongly the LoRA acts"),
}
CONTROL: Words = {
    "kind": ("Kind", "What the control picture shows"),
    "model": (
        "ControlNet",
        "A ControlNet or T2I-Adapter: hub id or folder; empty for the one known for the model and the kind",
    ),
    "scale": ("Scale", "How strongly the ControlNet acts"),
    "start": ("Start", "Share of the steps after which the ControlNet begins to act"),
    "end": ("End", "Share of the steps after which the ControlNet no longer acts"),
}
CONTROLNET: Words = {
    "controlnet": ("ControlNet", "A depth ControlNet: hub id, folder or file; empty for the one known for the model"),
    "controlnet_conditioning_scale": ("Control", "How strongly the depth guides the image"),
}

SCHEDULERS = (
    "ddim", "ddpm", "deis", "dpm2", "dpm2_ancestral", "dpm2_karras", "dpmpp_2m", "dpmpp_2m_karras", "dpmpp_2m_sde",
    "dpmpp_2m_sde_karras", "dpmpp_2s", "dpmpp_2s_karras", "euler", "euler_ancestral", "euler_karras", "euler_trailing",
    "heun", "heun_karras", "lcm", "lms", "lms_karras", "pndm", "sa_solver", "tcd", "unipc", "unipc_karras",
)  # fmt: skip
"""Names that `sd_core` knows; the engine has the table itself."""
