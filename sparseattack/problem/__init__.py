"""The problem that a strategy solves: an oracle, an encoding, a fitness, a stopping criterion."""
