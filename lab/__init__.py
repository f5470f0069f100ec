"""The lab: AWS, Azure, Google Cloud and ClearBlade on 127.0.0.1, spoken to by the real SDKs."""
