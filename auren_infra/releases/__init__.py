"""The releases that a machine keeps, and its history."""
