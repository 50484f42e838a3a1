"""From folders of photos to a dataset: found, cut, labelled, corrected, split."""
