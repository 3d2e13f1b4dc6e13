"""Four validators start from the last release's specification and finalise."""

from nodes import wait_final


def run(story):
    validators = story.network.validators()
    for validator in validators:
        story.say(f"{validator.name}: {validator.url}")
    begun = wait_final(validators, 1)
    wait_final(validators, 3)
    version = validators[0].spec_version()
    story.say(f"block 3 is final on all four, the same; runtime {version}; block 1 is {begun}")
    story.keep(spec_version=version)
