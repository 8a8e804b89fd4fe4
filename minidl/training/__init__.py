"""The one training step, the loops around it, and what makes them safe."""
