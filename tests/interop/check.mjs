// Every check, both ways. `ours` is bonafide, `theirs` the libraries of others.
import './web-crypto.mjs';
import * as ours from './bonafide.mjs';
import * as di from './data-integrity.mjs';
import {documents, flip, forged, scoreOf, tampered} from './documents.mjs';
import {checkFixtures} from './fixtures.mjs';
import * as jose from './jose.mjs';
import {keys, toJwk} from './keys.mjs';
import {check, expectGood, expectRefused, summary} from './report.mjs';
import {writeSamples} from './samples.mjs';
import * as sdJwt from './sd-jwt.mjs';
import {sdJwtForms} from './sd-jwt-forms.mjs';
import {discloses, suites} from './suites.mjs';
import {checkVerdicts} from './verdicts.mjs';

const answers = {challenge: '9f1c2d', domain: 'https://pay.example'};
const other = {challenge: 'another', domain: 'https://pay.example'};
const binding = {nonce: answers.challenge, audience: answers.domain};

// bonafide's keys are new in each run, made when a check first asks for one, so that a key type it
// doesn't know fails that check by name.
const ourKeys = new Map();
function ourKey(type) {
  if(!ourKeys.has(type)) {
    ourKeys.set(type, ours.newKey(type));
  }
  return ourKeys.get(type);
}

// What a credential of either side must hold against: itself good, one claim or one character of the
// signature changed refused. `verify` is the other side's.
async function goodAndThenBroken(name, document, signed, verify) {
  await check(name, async () => expectGood(await verify(await signed())));
  await check(`${name}, claim changed`, async () =>
    expectRefused(await verify(tampered(await signed(), document))));
  await check(`${name}, signature changed`, async () =>
    expectRefused(await verify(forged(await signed()))));
}

// Signs once, however many checks look at it; a failure to sign fails each of them.
function once(make) {
  let made;
  return () => made ??= Promise.resolve().then(make);
}

// The same document signed by either side, each as its own issuer.
const signed = (suite, type, document, options) => ({
  our: once(() =>
    ours.issue(suite, ourKey(type), document.unsigned(ourKey(type).did, suite))),
  their: once(() =>
    di.issue(suite, keys[type], document.unsigned(keys[type].controller, suite), options))
});

async function plainSuite(suite, type, name, document) {
  const label = `${suite} ${type} ${name}`;
  const {our, their} = signed(suite, type, document);
  await goodAndThenBroken(`ours→theirs ${label}`, document, our, di.verify);
  await goodAndThenBroken(`theirs→ours ${label}`, document, their, ours.verify);
}

// One side issues, one derives, one verifies. A base proof is for the holder alone: what is verified
// is always derived.
async function disclosingSuite(suite, type, name, document) {
  const {our, their} = signed(suite, type, document, {mandatoryPointers: ['/issuer']});
  const ourDerived = base => once(async () => ours.derive(await base(), document.reveal));
  const theirDerived = base => once(async () => di.derive(suite, await base(), document.reveal));
  const label = `${suite} ${type} ${name}`;
  await goodAndThenBroken(
    `ours→ours→theirs ${label}`, document, ourDerived(our), di.verify);
  await goodAndThenBroken(
    `ours→theirs→theirs ${label}`, document, theirDerived(our), di.verify);
  await goodAndThenBroken(
    `ours→theirs→ours ${label}`, document, theirDerived(our), ours.verify);
  await goodAndThenBroken(
    `theirs→theirs→ours ${label}`, document, theirDerived(their), ours.verify);
  await goodAndThenBroken(
    `theirs→ours→ours ${label}`, document, ourDerived(their), ours.verify);
  await goodAndThenBroken(
    `theirs→ours→theirs ${label}`, document, ourDerived(their), di.verify);
}

// Digital Bazaar's default: nothing is mandatory, and the holder reveals the issuer as well.
async function nothingMandatory(suite, type) {
  const document = documents.plain;
  const pointers = ['/issuer', ...document.reveal];
  const their = once(() => di.issue(suite, keys[type], document.unsigned(keys[type].controller)));
  await check(`theirs→theirs→ours ${suite} ${type} nothing mandatory`, async () =>
    expectGood(ours.verify(await di.derive(suite, await their(), pointers))));
  await check(`theirs→ours→theirs ${suite} ${type} nothing mandatory`, async () =>
    expectGood(await di.verify(ours.derive(await their(), pointers))));
}

// A score as the issuer's command makes it, rather than from a whole document.
async function scores(suite, type) {
  await check(`ours→theirs ${suite} ${type} issued score`, async () => {
    const score = ours.issueScore(suite, ourKey(type), keys.holder.controller);
    expectGood(await di.verify(discloses(suite) ?
      await di.derive(suite, score, ['/credentialSubject']) : score));
  });
}

async function presentations(suite, type) {
  const label = `${suite} ${type} presentation`;
  const held = once(() =>
    di.issue(suite, keys[type], documents.plain.unsigned(keys[type].controller)));
  const our = once(async () => ours.present(suite, ourKey(type), await held(), answers));
  await check(`ours→theirs ${label}`, async () =>
    expectGood(await di.verifyPresentation(await our(), answers)));
  await check(`ours→theirs ${label}, other challenge`, async () =>
    expectRefused(await di.verifyPresentation(await our(), other)));
  const their = once(async () => di.present(suite, keys[type], await held(), answers));
  await check(`theirs→ours ${label}`, async () =>
    expectGood(ours.verify(await their(), {answers})));
  await check(`theirs→ours ${label}, signature changed`, async () =>
    expectRefused(ours.verify(forged(await their()), {answers})));
}

// One character changed in the payload, and one in the signature, of a compact JWS.
function brokenTokens(token) {
  const [jws, ...rest] = token.split('~');
  const [header, payload, signature] = jws.split('.');
  const joined = parts => [parts.join('.'), ...rest].join('~');
  return {
    'payload changed': joined([header, flip(payload, payload.length >> 1), signature]),
    'signature changed': joined([header, payload, flip(signature, 20)])
  };
}

async function tokenBothWays(name, our, their, verifyTheirs, verifyOurs) {
  for(const [way, token, verify] of [
    ['ours→theirs', our, verifyTheirs], ['theirs→ours', their, verifyOurs]
  ]) {
    await check(`${way} ${name}`, async () => expectGood(await verify(await token())));
    for(const change of ['payload changed', 'signature changed']) {
      await check(`${way} ${name}, ${change}`, async () =>
        expectRefused(await verify(brokenTokens(await token())[change])));
    }
  }
}

async function vcJwt(type, name, document) {
  await tokenBothWays(`vc+jwt ${type} ${name}`,
    once(() => ours.issue('vc+jwt', ourKey(type), document.unsigned(ourKey(type).did))),
    once(() => jose.sign('vc', keys[type], document.unsigned(keys[type].controller))),
    token => jose.verify('vc', token), ours.verify);
}

// The presentation of VC-JOSE-COSE that holds one credential in its envelope.
const enveloping = (mediaType, credential, holder) => ({
  '@context': ['https://www.w3.org/ns/credentials/v2'],
  type: ['VerifiablePresentation'],
  holder,
  verifiableCredential: [{
    '@context': 'https://www.w3.org/ns/credentials/v2',
    id: `data:application/${mediaType},${credential}`,
    type: 'EnvelopedVerifiableCredential'
  }],
  nonce: answers.challenge,
  aud: answers.domain
});

async function vpJwt(type) {
  const key = keys[type];
  const held = once(() => jose.sign('vc', key, documents.plain.unsigned(key.controller)));
  await tokenBothWays(`vp+jwt ${type}`,
    once(async () => ours.present('vp+jwt', ourKey(type), await held(), answers)),
    once(async () => jose.sign('vp', key, enveloping('vc+jwt', await held(), key.controller))),
    token => jose.verify('vp', token), token => ours.verify(token, {answers}));
}

async function vpSdJwt(type) {
  const key = keys[type];
  const held = once(() => sdJwt.issue('vc+sd-jwt', key, documents.plain.unsigned(key.controller), {}));
  await tokenBothWays(`vp+sd-jwt ${type}`,
    once(async () => ours.present('vp+sd-jwt', ourKey(type), await held(), answers)),
    once(async () => sdJwt.issue(
      'vp+sd-jwt', key, enveloping('vc+sd-jwt', await held(), key.controller), {})),
    token => sdJwt.verify('vp+sd-jwt', token), token => ours.verify(token, {answers}));
}

async function sdJwts(type, format) {
  const form = sdJwtForms[format];
  const label = `${format} ${type}`;
  const cnf = {jwk: await toJwk(keys.holder)};
  const score = scoreOf(keys[type].controller, keys.holder.controller);
  const their = once(() =>
    sdJwt.issue(format, keys[type], form.payload(score, cnf), form.frame(score)));
  const names = ['tier', 'dimensions'];
  const reveal = form.reveal(names);
  const pointers = names.map(name => `/credentialSubject/${name}`);
  const holder = ourKey('ed25519');
  const our = once(() => ours.issueScore(format, ourKey(type), holder.did));
  const verifyTheirs = token => sdJwt.verify(format, token);

  await tokenBothWays(label, our, their, verifyTheirs, ours.verify);

  const derived = once(async () => ours.derive(await their(), pointers));
  await check(`theirs→ours→theirs ${label} disclosed`, async () => {
    const result = await verifyTheirs(await derived());
    expectGood(result);
    if(form.disclosed(result.claims) !== 'platinum') {
      throw new Error('the tier is not disclosed');
    }
    if(JSON.stringify(result.claims).includes('"confidence"')) {
      throw new Error('the confidence is disclosed');
    }
  });
  await check(`theirs→ours→ours ${label} disclosed`, async () =>
    expectGood(ours.verify(await derived())));
  const presented = once(async () => sdJwt.present(format, await their(), reveal));
  await check(`theirs→theirs→ours ${label} disclosed`, async () =>
    expectGood(ours.verify(await presented())));
  await check(`theirs→theirs→ours ${label} disclosed, disclosure changed`, async () => {
    const token = await presented();
    expectRefused(ours.verify(flip(token, token.indexOf('~') + 10)));
  });

  const bound = once(async () =>
    sdJwt.present(format, await their(), reveal, {holder: keys.holder, ...binding}));
  await check(`theirs→theirs→ours ${label} key binding`, async () =>
    expectGood(ours.verify(await bound(), {answers})));
  await check(`theirs→theirs→ours ${label} key binding, other nonce`, async () =>
    expectRefused(ours.verify(await bound(), {answers: other})));
  await check(`theirs→theirs→ours ${label} key binding, signature changed`, async () => {
    const token = await bound();
    expectRefused(ours.verify(flip(token, token.lastIndexOf('.') + 20), {answers}));
  });
  await check(`theirs→theirs→ours ${label} key binding asked for and missing`, async () =>
    expectRefused(ours.verify(await presented(), {answers})));

  const ourBound = once(async () => ours.present(format, holder, await our(), answers));
  await check(`ours→ours→theirs ${label} key binding`, async () =>
    expectGood(await sdJwt.verify(format, await ourBound(), binding)));
  await check(`ours→ours→theirs ${label} key binding, other nonce`, async () =>
    expectRefused(await sdJwt.verify(
      format, await ourBound(), {...binding, nonce: other.challenge})));
}

if(process.env.BONAFIDE_SAMPLES) {
  await writeSamples(process.env.BONAFIDE_SAMPLES);
}
await checkFixtures();
for(const [suite, type] of suites) {
  for(const [name, document] of Object.entries(documents)) {
    await (discloses(suite) ? disclosingSuite : plainSuite)(suite, type, name, document);
  }
  await scores(suite, type);
  if(discloses(suite)) {
    await nothingMandatory(suite, type);
  } else {
    await presentations(suite, type);
  }
}
for(const type of ['ed25519', 'p256', 'p384']) {
  for(const [name, document] of Object.entries(documents)) {
    if(!document.dataIntegrityOnly) {
      await vcJwt(type, name, document);
    }
  }
  await vpJwt(type);
  await vpSdJwt(type);
}
for(const type of ['ed25519', 'p256', 'p384']) {
  for(const format of Object.keys(sdJwtForms)) {
    await sdJwts(type, format);
  }
}
await checkVerdicts({ourKey, answers});
process.exitCode = summary() ? 0 : 1;
