"""What production's machine goes through, on a machine that is somebody else's: a hosted runner."""
