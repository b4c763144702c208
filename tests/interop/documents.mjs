// The unsigned documents that both sides sign, each as a function of its issuer's DID and the suite.
// `reveal` is what a holder discloses of them, `claim` what an attacker changes (a path).
import {readJson} from './repository.mjs';

const V1 = 'https://www.w3.org/2018/credentials/v1';
const V2 = 'https://www.w3.org/ns/credentials/v2';
const UNDEFINED_TERMS = 'https://www.w3.org/ns/credentials/undefined-terms/v2';
const DATA_INTEGRITY = 'https://w3id.org/security/data-integrity/v2';

// Long past and far ahead, so that no run depends on its day.
const validFrom = '2026-01-01T00:00:00Z';
const validUntil = '2099-12-31T23:59:59Z';
const subject = 'did:key:z6MkuFHKathn8nD15Vknt6oEKKubkQ8Uc5uhx4t6Yh7AgFzs';

// An attestation of a fixture without its proof.
function attestation(file) {
  const {proof, ...document} = readJson(file);
  if(!proof) {
    throw new Error(`${file} has no proof`);
  }
  return issuer => ({...document, issuer, validFrom, validUntil});
}

export const documents = {
  // VCDM 2.0 and nothing of ours; a language and a direction, which RDF suites carry as i18n datatype.
  plain: {
    unsigned: issuer => ({
      '@context': [V2],
      id: 'urn:uuid:7f3c0d0e-3b52-4b43-9d0e-6a9f3b6d2b11',
      type: ['VerifiableCredential'],
      issuer: {id: issuer, name: 'Interop issuer'},
      validFrom,
      name: {'@value': 'שלום', '@language': 'he', '@direction': 'rtl'},
      description: 'Quotes " and \\, a tab \t, a line\nbreak, \u0007, é and 𝄞',
      credentialSubject: {id: subject, name: 'Agent', description: 'A plain subject'}
    }),
    reveal: ['/credentialSubject/name'],
    claim: ['credentialSubject', 'name']
  },
  PactScoreCredential: {
    unsigned: attestation('fixtures/eddsa-jcs-2022/pact-score/valid.json'),
    reveal: ['/credentialSubject/tier', '/credentialSubject/dimensions/1', '/credentialSubject/scoreModel'],
    claim: ['credentialSubject', 'tier']
  },
  AgentBuilderCredential: {
    unsigned: attestation('fixtures/eddsa-jcs-2022/builder/valid.json'),
    reveal: ['/credentialSubject/provenance/commit', '/credentialSubject/builder'],
    claim: ['credentialSubject', 'provenance', 'commit']
  },
  // Arrays, blank nodes in blank nodes, numbers, booleans, terms that no context defines but for the
  // one that asks for them, no ids at all.
  nested: {
    unsigned: issuer => ({
      '@context': [V2, UNDEFINED_TERMS],
      type: ['VerifiableCredential', 'Inspection'],
      issuer,
      validFrom: '2026-01-01T00:00:00+05:30',
      validUntil,
      credentialSubject: [{
        serial: 'A-1',
        passed: true,
        weight: 12.75,
        tiny: 0.0000012,
        count: 42,
        parts: [
          {part: 'rotor', origin: {country: 'IN', plant: {code: 7}}},
          {part: 'rotor', origin: {country: 'SG', plant: {code: 7}}},
          {part: 'hull', tags: ['b', 'a', 'c']}
        ]
      }, {
        serial: 'A-2',
        passed: false,
        parts: [{part: 'rotor', origin: {country: 'IN', plant: {code: 8}}}]
      }]
    }),
    reveal: ['/credentialSubject/0/parts/1/origin/country', '/credentialSubject/0/parts/2',
      '/credentialSubject/1/serial'],
    claim: ['credentialSubject', 1, 'serial']
  },
  // The older data model, which has no proof terms of its own and so names the suites' context.
  'VCDM 1.1': {
    unsigned: issuer => ({
      '@context': [V1, DATA_INTEGRITY],
      id: 'urn:uuid:0b8fd4d1-8f0f-4e5f-a7a5-0f4d1f8a9c22',
      type: ['VerifiableCredential'],
      issuer,
      issuanceDate: '2026-01-01T00:00:00Z',
      expirationDate: validUntil,
      // With an id alone it would compact to a string, and no pointer leads into that.
      credentialSubject: {id: subject, type: 'https://types.example/#Agent'},
      termsOfUse: {id: 'https://terms.example/1', type: 'https://terms.example/#Terms'}
    }),
    // VC-JOSE-COSE secures VCDM 2.0 alone.
    dataIntegrityOnly: true,
    reveal: ['/credentialSubject', '/termsOfUse', '/issuanceDate', '/expirationDate'],
    claim: ['expirationDate'],
    changed: '2099-12-31T23:59:58Z'
  }
};

function about(agent, document) {
  return {...document, credentialSubject: {...document.credentialSubject, id: agent}};
}

/** A score about an agent, whatever secures it. */
export const scoreOf = (issuer, agent) =>
  about(agent, attestation('fixtures/eddsa-jcs-2022/pact-score/valid.json')(issuer));

/** Who the agent is. */
export const identityOf = (issuer, agent) =>
  about(agent, attestation('fixtures/eddsa-jcs-2022/identity/valid.json')(issuer));

/** The document with one claim changed and every other byte as it was. */
export function tampered(signed, {claim, changed}) {
  const copy = structuredClone(signed);
  const at = claim.slice(0, -1).reduce((node, name) => node[name], copy);
  const name = claim.at(-1);
  if(at?.[name] === undefined) {
    throw new Error(`nothing to change at ${claim.join('/')}`);
  }
  at[name] = changed ?? `${at[name].slice(0, -1)}~`;
  return copy;
}

/** The document with one character changed in the signature part of its proof value. */
export function forged(signed) {
  const copy = structuredClone(signed);
  copy.proof.proofValue = flip(copy.proof.proofValue, 40);
  return copy;
}

/** A text with one character replaced by another letter of every base. */
export function flip(text, index) {
  return text.slice(0, index) + (text[index] === 'B' ? 'C' : 'B') + text.slice(index + 1);
}
