"""From a dataset to a trained Keras net: network, pictures as training sees them, recipes."""
