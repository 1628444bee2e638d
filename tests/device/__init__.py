"""What is plugged in: policy, debouncing, configured devices."""
