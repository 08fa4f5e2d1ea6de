"""Coverage-guided fuzzing of what reads bytes that others wrote, and the corpus that it has left."""
