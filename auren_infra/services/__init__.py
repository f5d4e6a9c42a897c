"""What runs: AUREN's services as frozen values."""
