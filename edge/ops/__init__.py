"""What the ops centre runs, on any machine: it hears devices, checks what they say, stands in for them."""
