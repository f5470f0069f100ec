"""Device identity and credentials: every device proves who it is with a credential of its own that can be withdrawn."""
