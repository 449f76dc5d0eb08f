"""What holds for every level of tests."""

from hypothesis import settings

# A busy machine is no defect: no example has a time limit.
settings.register_profile("kedge", deadline=None)
settings.load_profile("kedge")
