"""The words that are read aloud before somebody answers, by version.

A version is never edited: consents that were given name it. New words are a new version, and the old one
stays here for as long as a record may name it.
"""

from __future__ import annotations

from dataclasses import dataclass

from medkiosk.core.consent import Purpose


@dataclass(frozen=True)
class Explanation:
    """One wording in one language.

    Attributes:
        language: BCP 47 tag.
        opening: read first, paragraph by paragraph.
        purposes: one question a purpose, each answered yes or no by itself.
        closing: read last.
    """

    language: str
    opening: tuple[str, ...]
    purposes: dict[Purpose, str]
    closing: tuple[str, ...]


EXPLANATIONS: dict[str, Explanation] = {
    "en-1": Explanation(
        language="en",
        opening=(
            (
                "We would like to take photographs as part of your care. I will explain what they are"
                " for and what can happen to them. Please stop me and ask at any point."
            ),
            (
                "The photographs are kept encrypted on a computer in this department that is connected"
                " to no network. Who opens them is recorded."
            ),
            (
                "Before a photograph leaves this computer, faces, names and other marks that could show"
                " who you are get covered, as far as the computer and a trained person can find them."
                " Nobody can promise that you can never be recognised, for instance by somebody who"
                " knows you well."
            ),
            (
                "I will ask about each use separately. You may say yes to one and no to another."
                " Whatever you answer, your treatment stays the same."
            ),
        ),
        purposes={
            Purpose.CLINICAL_RECORD: (
                "May we keep the photographs in your medical record, and show them to those who treat you?"
            ),
            Purpose.TEACHING_RESEARCH: (
                "May we use the photographs, with identifying marks covered, to teach health"
                " professionals and for medical research? They are given only to named people,"
                " encrypted for them."
            ),
            Purpose.PUBLICATION: (
                "May we publish the photographs, with identifying marks covered, in the one publication"
                " that I will now name? What has been published can be copied by anybody, is often"
                " found on the internet, and cannot be called back."
            ),
        },
        closing=(
            (
                "You can change your mind at any time, without giving a reason. From then on the"
                " photographs are not used any more for what you withdraw. We ask those who have"
                " received them to delete them; we cannot force them, and what is published stays"
                " published."
            ),
            ("Photographs in your medical record are part of that record and are kept as long as it is."),
            "Is there anything that you would like to ask before you answer?",
        ),
    ),
}
