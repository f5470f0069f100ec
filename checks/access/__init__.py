"""Authorization and IAM: devices act only for themselves, services hold only what they need, people few keys."""
