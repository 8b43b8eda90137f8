"""What an image is degraded to, so that a conditional generator learns to give the image back: one file each."""
