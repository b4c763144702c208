// An attestation in the two SD-JWT formats, and what of it can be disclosed.
import {readJson} from './repository.mjs';

const SCHEMAS = 'https://w3id.org/bonafide/schemas/';
const VCTS = 'https://w3id.org/bonafide/vct/';

// 'pact-score/v1'
const typeOf = document => document.credentialSchema.id.slice(SCHEMAS.length);

// The claims of which the type's metadata says that they may be hidden.
function selective(document) {
  const {claims} = readJson(`schemas/vct/${typeOf(document).replace('/', '-')}.json`);
  return claims.filter(({path, sd}) => sd === 'allowed' && path[0] in document.credentialSubject)
    .map(({path}) => path[0]);
}

const seconds = time => Date.parse(time) / 1000;

/** Where the Token Status List lies that says what a bitstring list says. */
export const tokensOf = url => url.replace('/status/', '/tokens/');

// The mapping of crates/core/src/sd_jwt_vc.rs, written once more.
function toClaims(document, cnf) {
  const {issuer, id, validFrom, validUntil, credentialStatus, credentialSubject} = document;
  const {id: sub, ...claims} = credentialSubject;
  const {statusListCredential, statusListIndex} = credentialStatus;
  return {
    vct: `${VCTS}${typeOf(document)}`,
    iss: issuer, sub, jti: id, nbf: seconds(validFrom), exp: seconds(validUntil), cnf,
    status: {status_list: {uri: tokensOf(statusListCredential), idx: Number(statusListIndex)}},
    ...claims
  };
}

const inSubject = names => ({credentialSubject: names});
const frameOf = names => Object.fromEntries(names.map(name => [name, true]));

export const sdJwtForms = {
  'vc+sd-jwt': {
    payload: (document, cnf) => ({...document, cnf}),
    frame: document => inSubject({_sd: selective(document)}),
    reveal: names => inSubject(frameOf(names)),
    disclosed: claims => claims.credentialSubject.tier
  },
  'dc+sd-jwt': {
    payload: toClaims,
    frame: document => ({_sd: selective(document)}),
    reveal: frameOf,
    disclosed: claims => claims.tier
  }
};
