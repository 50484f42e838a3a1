"""Working substitutes that ship: each behaves like the thing it stands for. The service imports none."""
