"""The words that are read aloud before somebody answers, by version.

A version is never edited: consents that were given name it. New words are a new version, and the old one
stays here for as long as a record may name it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from medkiosk.core import canon
from medkiosk.core.consent import Purpose, Risk


@dataclass(frozen=True)
class Explanation:
    """One wording in one language.

    Attributes:
        language: BCP 47 tag.
        opening: read first, paragraph by paragraph.
        purposes: one question a purpose, each answered yes or no by itself.
        closing: read last.
        risks: what can go wrong, in words of their own; read before the questions.
    """

    language: str
    opening: tuple[str, ...]
    purposes: dict[Purpose, str]
    closing: tuple[str, ...]
    risks: dict[Risk, str] = field(default_factory=dict)

    @cached_property
    def sha256(self) -> str:
        """SHA-256, hexadecimal, of the canonical JSON of all its words (docs/consent.md)."""
        words: dict[str, object] = {
            "language": self.language,
            "opening": self.opening,
            "purposes": self.purposes,
            "closing": self.closing,
        }
        if self.risks:
            words["risks"] = self.risks
        return hashlib.sha256(canon.encode(words)).hexdigest()

    def risks_of(self, purposes: Iterable[Purpose]) -> frozenset[Risk]:
        """The risks that concern these purposes and are explained in words of their own."""
        return frozenset(risk for purpose in purposes for risk in _RISKS[purpose] if risk in self.risks)

    def lines(self) -> tuple[str, ...]:
        """All of it, in the order in which it is read aloud."""
        return (*self.opening, *self.risks.values(), *self.purposes.values(), *self.closing)


_RISKS: dict[Purpose, tuple[Risk, ...]] = {
    Purpose.CLINICAL_RECORD: (),
    Purpose.TEACHING_RESEARCH: (Risk.RECOGNISED, Risk.NOT_RETURNED),
    Purpose.PUBLICATION: (Risk.RECOGNISED, Risk.NOT_RETURNED, Risk.PUBLIC),
}

NEWEST: dict[str, str] = {"en": "en-2", "de": "de-1"}
"""The wording that is read today, by language."""

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
    "en-2": Explanation(
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
                " You may say that your face must never be seen, or that it may be."
            ),
            (
                "I will ask about each use separately. You may say yes to one and no to another, and set"
                " limits: which part of the body, which people, until when. Whatever you answer, your"
                " treatment stays the same."
            ),
        ),
        risks={
            Risk.RECOGNISED: (
                "Nobody can promise that you can never be recognised, for instance by somebody who"
                " knows you well, or by a skin mark that only you have."
            ),
            Risk.NOT_RETURNED: (
                "What was handed to somebody cannot be fetched back. If you change your mind, we tell"
                " them to destroy it; we cannot force them."
            ),
            Risk.PUBLIC: (
                "What has been published can be copied by anybody, is often found on the internet, and"
                " stays published."
            ),
        },
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
                " that I will now name, and in no other?"
            ),
        },
        closing=(
            (
                "You can change your mind at any time, without giving a reason. From then on the"
                " photographs are not used any more for what you withdraw. You decide whether those who"
                " have received them shall be asked to destroy them."
            ),
            ("Photographs in your medical record are part of that record and are kept as long as it is."),
            (
                "If somebody decides for you because you are a child, that ends on the day on which you"
                " come of age. Then we ask you."
            ),
            "Is there anything that you would like to ask before you answer?",
        ),
    ),
    "de-1": Explanation(
        language="de",
        opening=(
            (
                "Wir möchten im Rahmen Ihrer Behandlung Fotos machen. Ich erkläre Ihnen, wozu sie dienen"
                " und was mit ihnen geschehen kann. Bitte unterbrechen Sie mich jederzeit und fragen Sie."
            ),
            (
                "Die Fotos liegen verschlüsselt auf einem Computer dieser Abteilung, der mit keinem Netz"
                " verbunden ist. Wer sie öffnet, wird aufgezeichnet."
            ),
            (
                "Bevor ein Foto diesen Computer verlässt, werden Gesichter, Namen und andere Merkmale, an"
                " denen man Sie erkennen könnte, abgedeckt, soweit der Computer und eine geschulte Person"
                " sie finden. Sie können sagen, dass Ihr Gesicht nie zu sehen sein darf, oder dass es zu"
                " sehen sein darf."
            ),
            (
                "Ich frage nach jeder Verwendung einzeln. Sie können zu einer Ja und zu einer anderen Nein"
                " sagen und Grenzen setzen: welcher Teil des Körpers, welche Personen, bis wann. Was immer"
                " Sie antworten, Ihre Behandlung bleibt dieselbe."
            ),
        ),
        risks={
            Risk.RECOGNISED: (
                "Niemand kann versprechen, dass man Sie nie erkennt, zum Beispiel jemand, der Sie gut"
                " kennt, oder an einem Hautmal, das nur Sie haben."
            ),
            Risk.NOT_RETURNED: (
                "Was jemandem übergeben wurde, kann nicht zurückgeholt werden. Wenn Sie es sich anders"
                " überlegen, fordern wir auf, es zu vernichten; erzwingen können wir das nicht."
            ),
            Risk.PUBLIC: (
                "Was veröffentlicht ist, kann jeder kopieren, steht oft im Internet und bleibt"
                " veröffentlicht."
            ),
        },
        purposes={
            Purpose.CLINICAL_RECORD: (
                "Dürfen wir die Fotos in Ihrer Krankenakte aufbewahren und denen zeigen, die Sie behandeln?"
            ),
            Purpose.TEACHING_RESEARCH: (
                "Dürfen wir die Fotos mit abgedeckten Merkmalen für den Unterricht in Gesundheitsberufen"
                " und für die medizinische Forschung verwenden? Sie werden nur namentlich bekannten"
                " Personen gegeben, für diese verschlüsselt."
            ),
            Purpose.PUBLICATION: (
                "Dürfen wir die Fotos mit abgedeckten Merkmalen in der einen Veröffentlichung zeigen, die"
                " ich Ihnen jetzt nenne, und in keiner anderen?"
            ),
        },
        closing=(
            (
                "Sie können Ihre Entscheidung jederzeit ändern, ohne einen Grund zu nennen. Von da an"
                " werden die Fotos nicht mehr für das verwendet, was Sie widerrufen. Sie entscheiden, ob"
                " die, die sie erhalten haben, aufgefordert werden, sie zu vernichten."
            ),
            "Fotos in Ihrer Krankenakte gehören zu dieser Akte und werden so lange aufbewahrt wie sie.",
            (
                "Wenn jemand für Sie entscheidet, weil Sie ein Kind sind, endet das an dem Tag, an dem Sie"
                " volljährig werden. Dann fragen wir Sie."
            ),
            "Möchten Sie etwas fragen, bevor Sie antworten?",
        ),
    ),
}
