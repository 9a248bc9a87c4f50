"""From images to the batches that a network learns from: preprocessing, augmentation, prefetching."""
