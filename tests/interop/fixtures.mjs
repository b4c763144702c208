// The fixtures of this repository before the other side's verifiers: what bonafide signed when they
// were written, and what it must refuse. Needs no binary. Every format of the index is checked; one
// that is new there fails until it has a place here.
import * as di from './data-integrity.mjs';
import * as jose from './jose.mjs';
import {check, expectGood, expectRefused} from './report.mjs';
import {readJson, readText} from './repository.mjs';
import * as sdJwt from './sd-jwt.mjs';

const index = readJson('fixtures/index.json');
const now = new Date(index.at);
const answers = {challenge: '9f1c2d', domain: 'https://pay.example', now};

const inTokens = {
  'vc+jwt': token => jose.verify('vc', token),
  'vp+jwt': token => jose.verify('vp', token),
  'vc+sd-jwt': token => sdJwt.verify('vc+sd-jwt', token, {now}),
  'vp+sd-jwt': token => sdJwt.verify('vp+sd-jwt', token, {now}),
  'dc+sd-jwt': token => sdJwt.verify('dc+sd-jwt', token, {now})
};

// A presentation of VC-JOSE-COSE and every credential in it. The libraries know no nonce there, so
// it is compared here.
const presentedAs = mediaType => async token => {
  const {good, why, claims} = await inTokens[mediaType](token);
  if(!good || claims.nonce !== answers.challenge || claims.aud !== answers.domain) {
    return {good: false, why: why || 'for another nonce or audience'};
  }
  for(const {id} of claims.verifiableCredential) {
    const [, type, credential] = /^data:application\/([^,]+),(.+)$/.exec(id);
    const held = await inTokens[type](credential);
    if(!held.good) {
      return held;
    }
  }
  return {good: true};
};

// Validity is asked where the other side knows it: not of VCDM claims in a token.
const timed = ['expired', 'not-yet-valid'];
const dataIntegrity = {
  read: readJson,
  verify: document => di.verify(document, {now}),
  verifyPresentation: document => di.verifyPresentation(document, answers),
  refused: timed
};
const token = (mediaType, presentation, refused = []) => ({
  read: readText,
  verify: inTokens[mediaType],
  verifyPresentation: presentedAs(presentation),
  refused
});

function formatOf(name) {
  const known = {
    'eddsa-': dataIntegrity,
    'ecdsa-': dataIntegrity,
    'bbs-': dataIntegrity,
    'jwt-': token('vc+jwt', 'vp+jwt'),
    'vc-sd-jwt-': token('vc+sd-jwt', 'vp+sd-jwt'),
    'dc-sd-jwt-': token('dc+sd-jwt', 'vp+jwt', timed)
  };
  return known[Object.keys(known).find(start => name.startsWith(start))];
}

// By format and type, the files without their ending: {'bbs-2023': {identity: {valid: 'bbs-2023/…'}}}.
function filed() {
  const formats = {};
  for(const {file} of index.cases) {
    const [format, type, name] = file.split('/');
    ((formats[format] ??= {})[type] ??= {})[name.split('.')[0]] = `fixtures/${file}`;
  }
  return formats;
}

export async function checkFixtures() {
  for(const [name, types] of Object.entries(filed())) {
    const format = formatOf(name);
    if(!format) {
      await check(`fixture→theirs ${name}`, () => {
        throw new Error('a format with no place in fixtures.mjs');
      });
      continue;
    }
    const {presentation, ...credentials} = types;
    const both = async (label, verify, files, good, refused) => {
      for(const one of good) {
        await check(`fixture→theirs ${name} ${label}, ${one}`, async () =>
          expectGood(await verify(format.read(files[one]))));
      }
      for(const one of refused) {
        await check(`fixture→theirs ${name} ${label}, ${one}`, async () =>
          expectRefused(await verify(format.read(files[one]))));
      }
    };
    for(const [type, files] of Object.entries(credentials)) {
      await both(type, format.verify, files,
        ['valid'], ['tampered', 'forged-issuer', ...format.refused]);
    }
    await both('presentation', format.verifyPresentation, presentation,
      ['platinum', 'bronze', 'score-alone'], ['old-nonce', 'other-audience']);
  }
}
