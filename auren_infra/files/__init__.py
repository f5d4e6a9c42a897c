"""What lands on the machine: pure functions from services and settings to text. No secret is in any of it."""
