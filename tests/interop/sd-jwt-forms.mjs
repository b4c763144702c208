// What is signed in the two SD-JWT formats, and what of it can be disclosed.
import {documents} from './documents.mjs';
import {keys} from './keys.mjs';

// The credential types of SD-JWT VC are this project's own names.
const VCT = 'https://w3id.org/bonafide/PactScoreCredential';

export const sdJwtForms = {
  'vc+sd-jwt': {
    payload: (issuer, cnf) => ({
      ...documents.PactScoreCredential.unsigned(issuer),
      credentialSubject: {
        ...documents.PactScoreCredential.unsigned(issuer).credentialSubject,
        id: keys.holder.controller
      },
      cnf
    }),
    frame: {credentialSubject: {_sd: ['tier', 'confidence', 'dimensions']}},
    reveal: {credentialSubject: {tier: true, dimensions: true}},
    pointers: ['/credentialSubject/tier', '/credentialSubject/dimensions'],
    disclosed: claims => claims.credentialSubject.tier
  },
  'dc+sd-jwt': {
    payload: (iss, cnf) => ({
      iss, vct: VCT, iat: 1767225600, exp: 4102444799, cnf, sub: keys.holder.controller,
      value: 98, tier: 'platinum', confidence: 95,
      dimensions: [{name: 'timeliness', value: 99}, {name: 'honesty', value: 97}]
    }),
    frame: {_sd: ['tier', 'confidence', 'dimensions']},
    reveal: {tier: true, dimensions: true},
    pointers: ['/tier', '/dimensions'],
    disclosed: claims => claims.tier
  }
};
