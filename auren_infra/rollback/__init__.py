"""An earlier release of a service, on the machine."""
