"""The keys of the guide, its checks and the practice; a part of the table in `medkiosk.console.actions`."""

from __future__ import annotations

from medkiosk.console.action import Action, Where

_W = Where

GUIDE_ACTIONS: tuple[Action, ...] = (
    Action(_W.GUIDE, "", ("up", "down"), "Choose", "Choose a page."),
    Action(_W.GUIDE, "", ("enter",), "Read", "Open the page."),
    Action(_W.GUIDE, "find", ("f",), "Find", "Look for words in all pages."),
    Action(_W.GUIDE, "check", ("c",), "Check", "Take the check of the chosen page."),
    Action(_W.GUIDE, "practice", ("p",), "Practise", "Review pictures that are nobody's."),
    Action(_W.GUIDE, "own", ("m",), "My training", "Which checks you passed, and until when they count."),
    Action(_W.GUIDE, "everybody", ("w",), "Who", "Who passed what, for those who may know it."),
    Action(_W.GUIDE, "take", ("t",), "Take pages", "Take the department's own pages from a stick."),
    Action(_W.GUIDE, "back", ("escape",), "Back", "Go back."),
    Action(_W.GUIDE_PAGE, "turn(1)", ("space", "pagedown", "right", "down"), "Read on", "Show what follows."),
    Action(
        _W.GUIDE_PAGE, "turn(-1)", ("backspace", "pageup", "left", "up"), "Turn back", "Show what was before."
    ),
    Action(_W.GUIDE_PAGE, "next_page(1)", ("n",), "Next page", "Go to the next page of the list."),
    Action(_W.GUIDE_PAGE, "next_page(-1)", ("p",), "Page before", "Go to the page before."),
    Action(_W.GUIDE_PAGE, "check", ("c",), "Check", "Take the check of this page."),
    Action(_W.GUIDE_PAGE, "back", ("escape",), "Back", "Go back."),
    Action(_W.GUIDE_FIND, "choose(1)", ("down",), "Further down", "Go down the list."),
    Action(_W.GUIDE_FIND, "choose(-1)", ("up",), "Up", "Go up the list."),
    Action(_W.GUIDE_FIND, "open", ("enter",), "Open", "Open the page where the words stand.", first=True),
    Action(_W.GUIDE_FIND, "back", ("escape",), "Back", "Go back."),
    Action(_W.CHECK, "", ("up", "down"), "Choose", "Choose an answer."),
    Action(_W.CHECK, "", ("enter",), "Answer", "Take the answer, and go on; after the last, it is judged."),
    *(
        Action(_W.CHECK, f"answer({n - 1})", (str(n),), "", f"Take answer {n}, and go on.")
        for n in range(1, 6)
    ),
    Action(_W.CHECK, "before", ("backspace", "left"), "Question before", "Go back to the question before."),
    Action(_W.CHECK, "back", ("escape",), "Leave", "Leave it; nothing is recorded."),
    Action(_W.RESULT, "again", ("a",), "Again", "Try once more; other questions may come."),
    Action(_W.RESULT, "back", ("escape",), "Back", "Go back."),
    Action(_W.TRAINING, "back", ("escape",), "Back", "Go back."),
    Action(_W.TRAINED, "", ("up", "down"), "Choose", "Choose a person; below stands each check."),
    Action(_W.TRAINED, "turn(1)", ("n",), "Next page", "Show the next people."),
    Action(_W.TRAINED, "turn(-1)", ("p",), "Page before", "Show the people before."),
    Action(_W.TRAINED, "back", ("escape",), "Back", "Go back."),
    Action(_W.PRACTISED, "again", ("a",), "Again", "Practise once more, from the beginning."),
    Action(_W.PRACTISED, "back", ("escape",), "Back", "Go back."),
)
