"""YuNet taught to see masked faces: whole photos with boxes to a released detector."""
