"""The AWS policy languages: what an IoT policy lets a device do, and what a role lets it do beyond."""
