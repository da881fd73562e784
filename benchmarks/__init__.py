"""What the figures about speed in the README are measured with. Nothing of Leap imports it."""
