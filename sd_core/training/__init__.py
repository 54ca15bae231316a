"""Training of the built-in model: generated pictures, an autoencoder, a UNet with its text encoder, a depth ControlNet."""
