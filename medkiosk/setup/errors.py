"""What stops a set-up, in the installer's sentences."""

from __future__ import annotations

from medkiosk.core.errors import KioskError


class ForeignStoreError(KioskError):
    """There is a store in {path} already, and this set-up did not begin it. Nothing was changed and nothing
    is lost.
    If it is a kiosk that was in use, it must not be set up again: see "another machine" in docs/install.md.
    If the
    disk is to be used anew, write the image to it anew.
    """

    code = "setup.foreign_store"
    exit_code = 2


class StepFailedError(KioskError):
    """The set-up stopped: {step} did not work: {detail}. The kiosk holds nothing yet, so nothing is lost.
    Correct
    this and start the machine again: the set-up begins anew. Destroy words that you have written down.
    """

    code = "setup.step"
    exit_code = 1


class RepairFailedError(KioskError):
    """The repair stopped: {step} did not work: {detail}. The backup drive is as it was, and the words are
    good: keep the sheets. The store that was on this machine, if there was one, is whole, in its place or
    put aside. Correct this, start the machine again and make the same choice: it begins anew or goes on.
    """

    code = "setup.repair"
    exit_code = 1


class AnswersError(KioskError):
    """The answers will not do: {detail}. Nothing was changed; correct them and begin again."""

    code = "setup.answers"
    exit_code = 2


class NobodyThereError(KioskError):
    """The set-up asked something and nobody can answer. The kiosk holds nothing yet, so nothing is lost;
    start it
    again at a terminal.
    """

    code = "setup.no_answer"
    exit_code = 2
