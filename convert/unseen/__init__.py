"""What to expect on a new camera: trained without some sources, measured on them."""
