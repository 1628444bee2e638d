"""People's slots: who may unlock, with a passphrase alone or with an authenticator as well."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from medkiosk.core.ids import Random
from medkiosk.vault import slots
from medkiosk.vault.db import Database
from medkiosk.vault.errors import NoSlotError, SlotExistsError, VaultDamagedError
from medkiosk.vault.keyrows import put_slot
from medkiosk.vault.keys import IndexKeys, Secret
from medkiosk.vault.schema import COLUMNS
from medkiosk.vault.slots import (
    FIDO2,
    PASSPHRASE,
    Argon2Params,
    Authenticator,
    Fido2Params,
    Slot,
    fido2_slot,
    normalise_name,
    open_user_slot,
    params_of,
    passphrase_slot,
    token_salt,
)

_COLUMNS = ", ".join(COLUMNS["slots"])
_OF_USER = f"kind IN ('{PASSPHRASE}', '{FIDO2}') AND name_tag = ?"


class Challenge(NamedTuple):
    """What to ask an authenticator.

    Attributes:
        credential: the id of its credential.
        salt: 32 bytes, as the authenticator gets them.
        verified: with user verification (a PIN).
    """

    credential: bytes
    salt: bytes
    verified: bool


def open_slot(
    slots: Iterable[Slot], index: IndexKeys, user_name: str, passphrase: str, output: bytes
) -> tuple[str, Secret]:
    """Find a user's slot and open it; returns its id and the master. Errors as `slots.open_user_slot`."""
    name_tag = index.name(normalise_name(user_name))
    slot = _of(slots, name_tag)
    return (slot.id if slot else ""), open_user_slot(slot, passphrase, name_tag, output)


def challenge(slots: Iterable[Slot], index: IndexKeys, user_name: str) -> Challenge:
    """Return what to ask a user's authenticator, for whoever gives the name.

    A name without one, or without a slot, gets a decoy, the same at each time: the answer does not say who
    has an account. The decoy's credential id has 64 bytes, the commonest length; an authenticator that
    makes ids of another length is told apart from it.
    """
    name = normalise_name(user_name)
    slot = _of(slots, index.name(name))
    if slot is not None and slot.kind == FIDO2:
        with contextlib.suppress(ValueError):  # a damaged slot opens nothing either way
            params = params_of(slot)
            if isinstance(params, Fido2Params):
                return Challenge(params.credential_id, token_salt(slot.salt), params.verified)
    halves = [index.tag(b"fido2-decoy/1", part, name) for part in (b"credential", b"rest", b"salt")]
    return Challenge(halves[0] + halves[1], halves[2], verified=False)


def _of(slots: Iterable[Slot], name_tag: bytes) -> Slot | None:
    # Of both kinds there is never more than one; were there, the passphrase alone must not be enough.
    found = {slot.kind: slot for slot in slots if slot.name_tag == name_tag}
    return found.get(FIDO2) or found.get(PASSPHRASE)


class UserSlots:
    """People's slots of an unlocked vault; `medkiosk.vault.identity.Identity` is one."""

    _db: Database
    _index: IndexKeys
    _random: Random

    def _unlocked(self) -> Secret:
        raise NotImplementedError

    def add_user_slot(
        self,
        user_name: str,
        passphrase: str,
        *,
        params: Argon2Params | None = None,
        allow_weak: bool = False,
    ) -> str:
        """Let a user unlock with a passphrase; returns the slot's id.

        Args:
            user_name: found again in any case and width.
            passphrase: any text.
            params: cost of trying a passphrase; takes that long here, too.
            allow_weak: for tests: accept parameters below the floor.

        Raises:
            LockedError: closed.
            SlotExistsError: the name has a slot already, of either kind.
            WeakSlotError: ``params`` below the floor.
        """
        slot = self._passphrase_slot(user_name, passphrase, params, allow_weak=allow_weak)
        with self._db.transaction() as tx:
            if tx.execute(f"SELECT count(*) FROM slots WHERE {_OF_USER}", (slot.name_tag,)).fetchone()[0]:  # noqa: S608 -- constants only
                raise SlotExistsError
            put_slot(tx, slot)
        return slot.id

    def replace_user_slot(
        self,
        user_name: str,
        passphrase: str,
        *,
        params: Argon2Params | None = None,
        allow_weak: bool = False,
        instead_of: str = "",
    ) -> str:
        """Give a user a passphrase alone in place of what they had; returns the new slot's id.

        With ``instead_of``, the id of a slot, only where it is still that one.

        Raises:
            LockedError: closed.
            NoSlotError: the name has no slot, or no longer that one.
            WeakSlotError: ``params`` below the floor.
        """
        return self._put(
            self._passphrase_slot(user_name, passphrase, params, allow_weak=allow_weak), instead_of
        )

    def add_authenticator(
        self,
        user_name: str,
        passphrase: str,
        authenticator: Authenticator,
        *,
        params: Argon2Params | None = None,
        allow_weak: bool = False,
        instead_of: str = "",
    ) -> str:
        """Let a user unlock with a passphrase and an authenticator together, and in no other way.

        With ``instead_of``, the id of a slot, only where it is still that one.

        Returns:
            The new slot's id.

        Raises:
            LockedError: closed.
            NoSlotError: the name has no slot.
            WeakSlotError: ``params`` below the floor.
            ValueError: something about the authenticator has a wrong length.
        """
        tag = self._index.name(normalise_name(user_name))
        slot = fido2_slot(
            self._unlocked(),
            tag,
            passphrase,
            authenticator,
            random=self._random,
            params=params,
            allow_weak=allow_weak,
        )
        return self._put(slot, instead_of)

    def has_authenticator(self, user_name: str) -> bool:
        """Whether a user's passphrase is only one half.

        Raises:
            LockedError: closed.
            NoSlotError: the name has no slot.
        """
        return self._slot(user_name).kind == FIDO2

    def change_user_passphrase(self, user_name: str, passphrase: str, output: bytes = b"") -> str:
        """Give a user another passphrase, with the authenticator that they have; returns the slot's id.

        Args:
            user_name: whose.
            passphrase: the new one.
            output: what the authenticator said at the login; of no meaning where there is none.

        Raises:
            LockedError: closed.
            NoSlotError: the name has no slot, or got another one meanwhile.
            VaultDamagedError: the slot is damaged.
        """
        slot = self._slot(user_name)
        params = _read(slot)
        if not isinstance(params, Fido2Params):
            return self.replace_user_slot(user_name, passphrase, instead_of=slot.id)
        held = Authenticator(params.credential_id, params.verified, slot.salt, output)
        return self.add_authenticator(user_name, passphrase, held, instead_of=slot.id)

    def strengthen_user_slot(self, user_name: str, passphrase: str, output: bytes = b"") -> bool:
        """Wrap the master anew where the user's slot costs less to guess at than a new one would.

        Args:
            user_name: whose.
            passphrase: the one that opens it now.
            output: what the authenticator said at the login.

        Returns:
            Whether it was needed.

        Raises:
            LockedError: closed.
            NoSlotError: the name has no slot.
            VaultDamagedError: the slot is damaged.
        """
        if not _read(self._slot(user_name)).below(slots.COST):
            return False
        self.change_user_passphrase(user_name, passphrase, output)
        return True

    def remove_user_slot(self, user_name: str) -> None:
        """Take a user's way to unlock away.

        Raises:
            LockedError: closed.
            NoSlotError: the name has no slot.
        """
        self._unlocked()
        with self._replacing() as tx:
            _drop(tx, self._index.name(normalise_name(user_name)))

    def _slot(self, user_name: str) -> Slot:
        self._unlocked()
        tag = self._index.name(normalise_name(user_name))
        row = self._db.row(f"SELECT {_COLUMNS} FROM slots WHERE {_OF_USER} ORDER BY kind", (tag,))  # noqa: S608 -- constants only
        if row is None:
            raise NoSlotError
        return Slot(*row)

    def _passphrase_slot(
        self, user_name: str, passphrase: str, params: Argon2Params | None, *, allow_weak: bool
    ) -> Slot:
        name_tag = self._index.name(normalise_name(user_name))
        return passphrase_slot(
            self._unlocked(), name_tag, passphrase, random=self._random, params=params, allow_weak=allow_weak
        )

    def _put(self, slot: Slot, instead_of: str = "") -> str:
        """Put a slot in place of what the name had, of either kind."""
        with self._replacing() as tx:
            _drop(tx, slot.name_tag, instead_of)
            put_slot(tx, slot)
        return slot.id

    @contextlib.contextmanager
    def _replacing(self) -> Iterator[sqlite3.Connection]:
        """A transaction after which what it replaced is in no file of the database any more.

        Best effort: while somebody else reads, the log keeps old pages until it is emptied the next time.
        """
        with self._db.transaction() as tx:
            yield tx
        self._empty_log()

    def _empty_log(self) -> None:
        with contextlib.suppress(sqlite3.Error):  # the change itself is on the device
            self._db.truncate_log()


def _read(slot: Slot) -> Argon2Params:
    try:
        return params_of(slot)
    except ValueError as error:
        raise VaultDamagedError(what="slot", id=slot.id, detail="its parameters were changed") from error


def _drop(tx: sqlite3.Connection, name_tag: bytes, only: str = "") -> None:
    sql = f"DELETE FROM slots WHERE {_OF_USER} AND ? IN ('', id)"  # noqa: S608 -- constants only
    if not tx.execute(sql, (name_tag, only)).rowcount:
        raise NoSlotError
