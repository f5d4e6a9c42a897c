"""The clouds' APIs, for what commands ask past Pulumi's plugins. They read the same variables as the plugins."""
