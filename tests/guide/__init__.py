"""The guide, its checks, who is current, and the practice."""
