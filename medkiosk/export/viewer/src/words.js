import terms from "./terms.json";

/** What codes mean, in plain words. */
export const PURPOSES = {
  clinical_record: "Clinical record: the care of these patients",
  teaching_research: "Teaching and research",
  publication: "Publication: one specific use",
};

/** GA4GH Data Use Ontology in the kiosk's words; src/terms.json is made from its table by tests/viewer/terms.py. */
export const term = (code) =>
  terms[code] ?? `${code}: a term that this page does not know; look it up in the Data Use Ontology, or ask.`;

export const CLOSED = {
  "#closed": "Closed. The pictures and what opened them are forgotten by this page.",
  "#idle": "Nobody used this page for 15 minutes, so it closed and forgot the pictures and what opened them.",
};
