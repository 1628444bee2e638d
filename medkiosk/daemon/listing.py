"""Lists of encounters and imports, page by page; a part of `medkiosk.daemon.service.Service`."""

from __future__ import annotations

from medkiosk.access.need import Action
from medkiosk.catalog import search
from medkiosk.catalog.fold import Catalog
from medkiosk.catalog.pages import EncounterPage
from medkiosk.core.accessevents import Listing
from medkiosk.core.ids import EncounterId
from medkiosk.daemon import views
from medkiosk.daemon.connection import Connection
from medkiosk.daemon.needing import Eyes
from medkiosk.ipc import types as t

PAGE = 1000
"""The most that one answer lists."""


def page_size(limit: int) -> int:
    """As many as were asked for, within bounds."""
    return max(0, min(limit, PAGE))


class ListService(Connection):
    """`Api.list_imports`, `Api.list_encounters`, and the methods of `medkiosk.ipc.findapi.FindApi`."""

    def list_imports(self, offset: int = 0, limit: int = 500) -> t.Imports:
        """See `Api.list_imports`."""
        with self._kiosk.reading() as catalog:
            page = catalog.import_page(offset, page_size(limit))
        return t.Imports(imports=tuple(map(views.import_info, page.imports)), total=page.total)

    def list_encounters(self, offset: int = 0, limit: int = 500) -> t.Encounters:
        """See `Api.list_encounters`."""
        eyes = Eyes(self._kiosk, self._living)
        with self._kiosk.reading() as catalog:
            keep = eyes.sees(catalog, Action.LIST)
            found = _seen(eyes, catalog, catalog.encounter_page(offset, page_size(limit), keep))
        return self._listed(Listing.ENCOUNTERS, found)

    def find_encounters(self, text: str, offset: int = 0, limit: int = 500) -> t.Encounters:
        """See `FindApi.find_encounters`: a name finds nobody whose name this person must not see."""
        typed = text[: search.MOST_TYPED].strip()
        key = " ".join(search.fold(typed))
        eyes = Eyes(self._kiosk, self._living)
        with self._kiosk.reading() as catalog:
            keep = eyes.sees(catalog, Action.NAME)
            found = _seen(eyes, catalog, catalog.find_encounters(text, offset, page_size(limit), keep))
        if not key:  # no words find all
            return self._listed(Listing.ENCOUNTERS, found)
        shown = tuple(each.encounter_id for each in found.encounters)
        self._kiosk.searches.searched(self._living, key, typed, found.total, shown)
        return found

    def get_encounters(self, encounters: tuple[EncounterId, ...]) -> t.Encounters:
        """See `FindApi.get_encounters`."""
        eyes = Eyes(self._kiosk, self._living)
        with self._kiosk.reading() as catalog:
            keep = eyes.sees(catalog, Action.LIST)
            known = [id_ for id_ in encounters[:PAGE] if keep is None or keep(id_)]
            found = tuple(view for id_ in known if (view := catalog.encounter(id_)) is not None)
            named = _seen(eyes, catalog, EncounterPage(found, len(found)))
        return self._listed(Listing.BY_ID, named)


def _seen(eyes: Eyes, catalog: Catalog, page: EncounterPage) -> t.Encounters:
    """A page as whoever asks may see it."""
    return t.Encounters(
        encounters=tuple(eyes.encounter(catalog, view) for view in page.encounters), total=page.total
    )
