"""ONE denoising loop and its parts: schedule, noise, conditioning, guidance, control, latents, preview."""
