"""What makes a machine a device: units, the Debian package, the card's image. Not shipped as Python."""
