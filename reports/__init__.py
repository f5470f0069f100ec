"""Reports turn findings and coverage into files and pages that people and tools read."""
