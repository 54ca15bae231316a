"""What is put right in a picture: the losses of the autoencoder, uncovered areas; and how much was changed."""
