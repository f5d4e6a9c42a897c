"""Rules that every preview and update must keep: a Pulumi policy pack."""
