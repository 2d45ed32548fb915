"""How a task's steps run: with which runtime, in which environment, and where their output goes."""
