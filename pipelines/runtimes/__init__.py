"""How a task's steps are run: by which runtime, with which environment, and what becomes of their output."""
