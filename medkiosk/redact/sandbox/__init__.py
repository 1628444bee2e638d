"""What a worker gives up before it reads a picture."""
