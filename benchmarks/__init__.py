"""`make bench`: how fast this machine takes events in, keeps them, and seals them."""
