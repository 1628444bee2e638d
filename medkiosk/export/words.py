"""What a bundle says in plain words: VERIFY.txt with the exact commands, and README.html. Pure."""

from __future__ import annotations

import html
from dataclasses import dataclass

from medkiosk.sshsig import NAMESPACE, PRINCIPAL


@dataclass(frozen=True)
class Told:
    """What may be said to everybody.

    Attributes:
        fingerprint: of the signing key, as ``ssh-keygen -l`` shows it.
        files: how many the manifest lists.
        viewer: whether there is a page.
        passphrase: whether it is encrypted to a passphrase.
        dicom: whether there are DICOM objects.
        recall: whether there is a recall notice.
    """

    fingerprint: str
    files: int
    viewer: bool
    passphrase: bool
    dicom: bool
    recall: bool


_TEXT = """\
This folder holds clinical pictures, encrypted for you and signed by the department that sent it.
Each is redacted under a policy that record.json (step 5) names for it. That is not a promise that nobody can
recognise the person: handle the pictures as what they are, and only for the purpose in record.json.

You need two programs that you may have already: ssh-keygen (part of OpenSSH; Windows 10 and later, macOS
and Linux have it) and age (https://age-encryption.org). The commands of the steps are for a terminal on
macOS or Linux, in this folder; those for Windows stand at the end. Where macOS has no sha256sum, write:
shasum -a 256
{page}

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

    for f in $(find . ! -type d ! -path ./manifest.json ! -path ./manifest.json.sig \\
        ! -path ./view/manifest.css ! -path ./view/signature.css | cut -c3- | sort); do
      h=$(sha256sum < "$f" | cut -c1-64)
      if grep -qF "\\"file\\":\\"$f\\",\\"sha256\\":\\"$h\\"," manifest.json
      then echo "good  $f"; else echo "WRONG $f"; fi
    done

There must be {files} lines, and each must say good. Otherwise use nothing in this folder, and tell the
department. Only .DS_Store, ._ files, desktop.ini and Thumbs.db your computer put there itself by showing the
folder: where one is named WRONG, delete it, and begin this step again.

{opening}

5. What they are, and what you may do with them

    age -d -i ~/my-identity.txt -o ~/record.zip record.zip.age
    unzip -d ~/record ~/record.zip

A double click unpacks record.zip, too. It holds record.json: for each picture its size and hash, for what
purpose and how long you may use them, and what consent covers.
{more}

What checkpoint and the proofs in record.zip are for: they prove that each picture was entered in the
department's log when it was redacted. They are checked by medkiosk-verify, which also does steps 2 to 5:
one file, medkiosk_verify.py, that needs Python. Get it from the department, not from this stick, and its
SHA-256 on paper or by telephone, and compare (sha256sum medkiosk_verify.py). The format is described in
docs/export-format.md of medkiosk, which is free software.

{windows}"""

_PAGE_HASH = """

Before you open index.html

Who can change the page can make it ask for your {secret} and send it on. Compare its SHA-256 with the
one on the sheet that the department gave you apart from this stick. If it differs, do not open it.

On Linux, and below it on macOS:

    sha256sum index.html

    shasum -a 256 index.html

On Windows, in a Command Prompt, and below it in PowerShell:

    certutil -hashfile index.html SHA256

    Get-FileHash -Algorithm SHA256 index.html

"""

_WINDOWS = """
The same on Windows 10 or later

In PowerShell, in this folder: in the Explorer's address bar type powershell and press Enter. Put
allowed_signers and, if you have one, my-identity.txt into the folder of your user, C:\\Users\\YOU.
Get age with: winget install FiloSottile.age

Step 2. If ssh-keygen does not know -Y, Windows Update brings a newer one.

    $check = 'ssh-keygen -Y verify -f "%USERPROFILE%\\allowed_signers" -I {principal} -n {namespace}'
    cmd /c ($check + ' -s manifest.json.sig < manifest.json')

Step 3

    $here = (Get-Location).ProviderPath
    $manifest = [IO.File]::ReadAllText("$here/manifest.json")
    $follow = "manifest.json", "manifest.json.sig", "view/manifest.css", "view/signature.css"
    Get-ChildItem -Recurse -File -Force | ForEach-Object {{
      $f = $_.FullName.Substring($here.Length + 1).Replace("\\", "/")
      if ($follow -cnotcontains $f) {{
        $h = (Get-FileHash -Algorithm SHA256 -LiteralPath $_.FullName).Hash.ToLower()
        $listed = $manifest.Contains('"file":"' + $f + '","sha256":"' + $h + '",')
        if ($listed) {{ "good  $f" }} else {{ "WRONG $f" }}
      }}
    }}

There must be {files} lines, and each must say good.

Steps 4 and 5

{opening}    age -d -i $HOME\\my-identity.txt -o $HOME\\picture.jpg images\\NAME.jpg.age
    age -d -i $HOME\\my-identity.txt -o $HOME\\record.zip record.zip.age
    Expand-Archive $HOME\\record.zip $HOME\\record
"""

_KEY = """
4. Open a picture

    age -d -i ~/my-identity.txt -o ~/picture.jpg images/NAME.jpg.age

where my-identity.txt is the file that age-keygen made for you; it begins with AGE-SECRET-KEY after a comment.
Keep the pictures encrypted where you do not need them open.
"""

_SAID = """
4. Open a picture

    age -d -o ~/my-identity.txt identity.age

asks for the passphrase: eight words with single blanks, small letters, that the department gave you apart
from this stick. Then, for each picture:

    age -d -i ~/my-identity.txt -o ~/picture.jpg images/NAME.jpg.age

my-identity.txt opens everything here without the passphrase: remove it when you are done. Keep the pictures
encrypted where you do not need them open.
"""

_DICOM = """
6. The same pictures as DICOM objects

    age -d -i ~/my-identity.txt -o ~/picture.dcm dicom/NAME.dcm.age
"""

_RECALL = """
READ RECALL.txt: it names pictures that you were given before and must destroy. It is checked with

    ssh-keygen -Y verify -f ~/allowed_signers -I {principal} -n medkiosk-recall@v1 \\
      -s recall.json.sig < recall.json
"""


def _secret(told: Told) -> str:
    return "passphrase" if told.passphrase else "secret key"


def instructions(told: Told) -> bytes:
    """Return the content of VERIFY.txt."""
    more = (_DICOM if told.dicom else "") + (_RECALL.format(principal=PRINCIPAL) if told.recall else "")
    windows = _WINDOWS.format(
        principal=PRINCIPAL,
        namespace=NAMESPACE,
        files=told.files,
        opening="    age -d -o $HOME\\my-identity.txt identity.age\n" if told.passphrase else "",
    )
    text = _TEXT.format(
        page=_PAGE_HASH.format(secret=_secret(told)) if told.viewer else "",
        windows=windows.lstrip(),
        fingerprint=told.fingerprint,
        files=told.files,
        namespace=NAMESPACE,
        principal=PRINCIPAL,
        opening=_SAID if told.passphrase else _KEY,
        more=more,
    )
    return text.encode()


_PAGE = """\
<h2>With a browser</h2>
<p>Open <code>index.html</code> in this folder, by double click. A current Chrome, Edge, Chromium or
Firefox can do it. Nothing is installed, and nothing is sent anywhere: it works without a network.</p>
<p><strong>First compare the page itself</strong> with the number that the department gave you apart from this
stick: who can change the page can make it ask for your {secret} and send it on. In a terminal:</p>
<ul>
<li>Windows: <code>certutil -hashfile index.html SHA256</code>, or in PowerShell
<code>Get-FileHash -Algorithm SHA256 index.html</code></li>
<li>macOS: <code>shasum -a 256 index.html</code></li>
<li>Linux: <code>sha256sum index.html</code></li>
</ul>
"""

_README = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Clinical pictures, encrypted: how to open them</title>
<style>
body {{ font: 1.05em/1.5 sans-serif; max-width: 42em; margin: 2em auto; padding: 0 1em; color: #111;
  background: #fff; }}
code {{ background: #eee; padding: 0 .2em; overflow-wrap: anywhere; }}
</style>
</head>
<body>
<main>
<h1>Clinical pictures, encrypted</h1>
<p>This folder holds clinical pictures of people. They are encrypted for you, and signed by the department
that sent them. If it was not meant for you, give it back, or destroy it: you cannot open it.</p>
{recall}<h2>What you need</h2>
<p>{key} And, from the department but not on this stick, the number or the line that its key is compared
with. This folder says that it was signed with</p>
<p><code>{fingerprint}</code></p>
<p>Ask the department, on the telephone, whether that is its key. If it differs, use nothing in this
folder.</p>
{page}<h2>With programs</h2>
<p>These two can be had for every computer, and do without the page{instead}:</p>
<ul>
<li><strong>Windows</strong>: <code>ssh-keygen</code> is part of Windows 10 and later;
<code>winget install FiloSottile.age</code> brings the other, or <code>age-encryption.org</code>.</li>
<li><strong>macOS</strong>: <code>ssh-keygen</code> is there; <code>brew install age</code> brings the
other.</li>
<li><strong>Linux</strong>: both are in every distribution; on Debian, <code>apt install age
openssh-client</code>.</li>
</ul>
<p><code>VERIFY.txt</code> in this folder has every command, in order; those for Windows are at its end.
Each decrypted picture is an ordinary JPEG. {dicom}</p>
<h2>What this proves, and what it does not</h2>
<ul>
<li>A good signature proves that the department's kiosk wrote exactly these files.</li>
<li>The proofs in the record show that each picture was entered in the kiosk's log when it was redacted, if
you check them with <code>medkiosk-verify</code>: one file, from the department and not from this stick,
with its SHA-256 on paper or by telephone.</li>
<li>It does not prove that nobody can recognise the person. The pictures are redacted under a written
policy; they are not anonymous.</li>
<li>It cannot prove that a page opened from a stick is the right one, only comparing it can; nor that what you
decrypted stays where you put it.</li>
<li>Consent can be withdrawn later. The department then tells you which pictures to destroy.</li>
</ul>
<h2>What you may do with them</h2>
<p>The record (<code>record.zip.age</code>) says for what purpose, on which terms and until when. Keep the
pictures encrypted where you do not need them open, and pass none of them on.</p>
</main>
</body>
</html>
"""

_NOTICE = """\
<h2>Read RECALL.txt</h2>
<p>It names pictures that you were given earlier and must destroy now.</p>
"""


def readme(told: Told) -> bytes:
    """Return the content of README.html: no script, nothing from elsewhere."""
    key = (
        "The passphrase: eight words that the department gave you apart from this stick."
        if told.passphrase
        else "The file that <code>age-keygen</code> made for you when you were enrolled; it is on your "
        "computer, and nobody else has it."
    )
    text = _README.format(
        recall=_NOTICE if told.recall else "",
        key=key,
        fingerprint=html.escape(told.fingerprint),
        page=_PAGE.format(secret=_secret(told)) if told.viewer else "",
        instead=", if you would rather not trust a page" if told.viewer else "",
        dicom="The same pictures as DICOM objects are in <code>dicom</code>." if told.dicom else "",
    )
    return text.encode()
