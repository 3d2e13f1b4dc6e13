"""The steps of the story; each has `run(story)`."""
