"""Tools of the ops centre, for any machine: watch and command devices, check messages, simulate devices."""
