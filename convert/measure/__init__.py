"""What a model is worth: scores, figures with intervals, slices, pictures."""
