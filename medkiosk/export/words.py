"""VERIFY.txt: how the receiver checks and opens a bundle, with the exact commands."""

from __future__ import annotations

from medkiosk.export.sshsig import NAMESPACE, PRINCIPAL

_TEXT = """\
This folder holds clinical pictures, encrypted for you and signed by the department that sent it.
Each is redacted under the policy that manifest.json names for it. That is not a promise that nobody can
recognise the person: handle the pictures as what they are, and only for the purpose in manifest.json.

You need two programs that you may have already: ssh-keygen (part of OpenSSH; Windows 10 and later, macOS
and Linux have it) and age (https://age-encryption.org). The commands below are for a terminal on macOS or
Linux, in this folder. Where macOS has no sha256sum, write: shasum -a 256


1. Whose key?

The department gave you one line that begins with "{principal} namespaces=", not on this stick but on paper or
by another way that you trust. Put it in a file called allowed_signers in your home folder. This bundle was
signed with the key

    {fingerprint}

Compare it with what the department says on the telephone. If it differs, stop: use nothing in this folder.


2. Is the list of contents the one that was signed?

    ssh-keygen -Y verify -f ~/allowed_signers -I {principal} -n {namespace} \\
      -s manifest.json.sig < manifest.json

It must say: Good "{namespace}" signature for {principal}


3. Is every file the one in that list?

    for f in VERIFY.txt checkpoint images/* proofs/*; do
      h=$(sha256sum < "$f" | cut -c1-64)
      if grep -qF "\\"file\\":\\"$f\\",\\"sha256\\":\\"$h\\"," manifest.json
      then echo "good  $f"; else echo "WRONG $f"; fi
    done

There must be {files} lines, and each must say good. Otherwise use nothing in this folder, and tell the
department.


4. Open a picture

    age -d -i my-identity.txt -o picture.jpg images/NAME.jpg.age

where my-identity.txt is the file that age-keygen made for you; it begins with AGE-SECRET-KEY after a comment.
Keep the pictures encrypted where you do not need them open.


What checkpoint and proofs/ are for: they prove that each picture was entered in the department's log when it
was redacted. They are checked by: kioskctl verify-export (from medkiosk, which is free software), and the
format is described in its docs/export-format.md.
"""


def instructions(fingerprint: str, images: int) -> bytes:
    """Return the content of VERIFY.txt for a bundle of so many images, signed by this key."""
    text = _TEXT.format(
        fingerprint=fingerprint, files=2 + 3 * images, namespace=NAMESPACE, principal=PRINCIPAL
    )
    return text.encode()
