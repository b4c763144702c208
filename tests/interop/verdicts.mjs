// bonafide's whole verdict about what the other side signed: credentials, status lists and, for key
// binding, the holder's answer. bonafide makes the bundle and the presentations.
import {deflateSync, gzipSync} from 'node:zlib';
import * as ours from './bonafide.mjs';
import * as di from './data-integrity.mjs';
import {identityOf, scoreOf} from './documents.mjs';
import * as jose from './jose.mjs';
import {keys, multikeyToJwk, toJwk} from './keys.mjs';
import {check} from './report.mjs';
import * as sdJwt from './sd-jwt.mjs';
import {sdJwtForms, tokensOf} from './sd-jwt-forms.mjs';
import {discloses, suites} from './suites.mjs';

const LIST = 'https://scorer.example/status/1';
const INDEX = 4711;
const ENTRIES = 131072;

const HOUR = 3600_000;
const now = Date.now();
const time = at => `${new Date(at).toISOString().slice(0, 19)}Z`;
const seconds = at => Math.floor(at / 1000);

// An identity is known, and with a good score it may read.
const policy = (issuer, bundler) => `
version = 1
[bundle]
signers = ["${bundler}"]
[status]
max_age = "15m"
[[issuer]]
did = "${issuer}"
attests = ["AgentIdentityCredential", "PactScoreCredential"]
[[level]]
name = "read"
credentials = ["AgentIdentityCredential"]
tier = "platinum"
score = 95
confidence = 80
[[level]]
name = "known"
credentials = ["AgentIdentityCredential"]
`;

const withStatus = document => ({
  ...document,
  credentialStatus: {
    type: 'BitstringStatusListEntry', statusPurpose: 'revocation',
    statusListCredential: LIST, statusListIndex: `${INDEX}`
  }
});

const identity = (issuer, agent) => withStatus(identityOf(issuer, agent));

// Computed just now, so that no decay lowers it.
function score(issuer, agent) {
  const document = withStatus(scoreOf(issuer, agent));
  return {
    ...document,
    credentialSubject: {...document.credentialSubject, computedAt: time(now - HOUR)}
  };
}

// Bitstring Status List: the first entry is the highest bit.
function bitstring(revoked) {
  const bits = Buffer.alloc(ENTRIES / 8);
  bits[INDEX >> 3] = revoked ? 0x80 >> (INDEX & 7) : 0;
  return `u${gzipSync(bits).toString('base64url')}`;
}

const bitstringList = (issuer, revoked) => ({
  '@context': ['https://www.w3.org/ns/credentials/v2'],
  id: LIST,
  type: ['VerifiableCredential', 'BitstringStatusListCredential'],
  issuer,
  validFrom: time(now - HOUR / 60),
  validUntil: time(now + HOUR),
  credentialSubject: {
    id: `${LIST}#list`, type: 'BitstringStatusList', statusPurpose: 'revocation',
    encodedList: bitstring(revoked)
  }
});

// Token Status List, one bit an entry: the first entry is the lowest bit.
function tokenList(revoked) {
  const bits = Buffer.alloc(ENTRIES / 8);
  bits[INDEX >> 3] = revoked ? 1 << (INDEX & 7) : 0;
  return {
    sub: tokensOf(LIST), iat: seconds(now) - 60, exp: seconds(now + HOUR), ttl: 600,
    status_list: {bits: 1, lst: deflateSync(bits).toString('base64url')}
  };
}

async function expectVerdict(verdict, outcome, level, ...reasons) {
  const got = JSON.stringify(await verdict);
  const expected = JSON.stringify({outcome, level, reasons});
  if(got !== expected) {
    throw new Error(`${got} instead of ${expected}`);
  }
}

// What is shown is good and leads to `level`, and with the entry of its status list set it is revoked.
async function verdicts(label, {issuer, ourKey, answers, shown, list, level}) {
  const bundler = ourKey('ed25519');
  const decided = async ({trusted = issuer, revoked = false} = {}) => ours.decide(await shown(), {
    policy: policy(trusted, bundler.did),
    bundle: ours.bundle(bundler, [await list(revoked)]),
    answers
  });
  await check(`${label}, accepted`, () => expectVerdict(decided(), 'accepted', level));
  await check(`${label}, revoked`, () =>
    expectVerdict(decided({revoked: true}), 'rejected', null, 'revoked'));
  await check(`${label}, issuer not in the policy`, () => expectVerdict(
    decided({trusted: 'did:web:other.example'}), 'rejected', null, 'issuer-untrusted'));
}

// Identity and score of one suite, presented by an agent with a key of bonafide's.
async function dataIntegrity(suite, type, {ourKey, answers}) {
  const key = keys[type];
  const agent = ourKey(type);
  const signed = document => di.issue(suite, key, document);
  await verdicts(`theirs→ours→ours ${suite} ${type} verdict`, {
    issuer: key.controller, ourKey, answers, level: 'read',
    shown: async () => ours.present(suite, agent, [
      await signed(identity(key.controller, agent.did)), await signed(score(key.controller, agent.did))
    ], answers),
    list: revoked => di.issue(suite, key, bitstringList(key.controller, revoked))
  });
}

// SD-JWTs of which the holder discloses what the policy asks for and no more. A key binding is for one
// credential, so no level that asks for a score can follow from it; a presentation has room for both.
async function sdJwts(format, type, {ourKey, answers}) {
  const key = keys[type];
  const form = sdJwtForms[format];
  const agent = ourKey('ed25519');
  const ourHolder = {controller: agent.did, jwk: await multikeyToJwk(agent.did.slice('did:key:'.length))};
  const theirHolder = {controller: keys.holder.controller, jwk: await toJwk(keys.holder)};
  const bound = {holder: keys.holder, nonce: answers.challenge, audience: answers.domain};

  const disclosed = async (make, names, {controller, jwk}, binding) => {
    const document = make(key.controller, controller);
    const issued =
      await sdJwt.issue(format, key, form.payload(document, {jwk}), form.frame(document));
    return sdJwt.present(format, issued, form.reveal(names), binding);
  };
  const knows = (holder, binding) => disclosed(identity, ['name', 'kind', 'sponsor'], holder, binding);
  const rates = holder => disclosed(score, ['value', 'tier', 'confidence'], holder);

  const context = {
    issuer: key.controller, ourKey,
    list: revoked => format === 'dc+sd-jwt' ?
      jose.signToken(key, 'statuslist+jwt', tokenList(revoked)) :
      jose.sign('vc', key, bitstringList(key.controller, revoked))
  };
  await verdicts(`theirs→ours ${format} ${type} score verdict`,
    {...context, level: null, shown: () => rates(theirHolder)});
  await verdicts(`theirs→theirs→ours ${format} ${type} key binding verdict`,
    {...context, answers, level: 'known', shown: () => knows(theirHolder, bound)});
  await verdicts(`theirs→ours→ours ${format} ${type} presentation verdict`, {
    ...context, answers, level: 'read',
    shown: async () => ours.present(format === 'dc+sd-jwt' ? 'vp+jwt' : 'vp+sd-jwt', agent,
      [await knows(ourHolder), await rates(ourHolder)], answers)
  });
}

export async function checkVerdicts(context) {
  for(const [suite, type] of suites) {
    if(!discloses(suite)) {
      await dataIntegrity(suite, type, context);
    }
  }
  for(const type of ['ed25519', 'p256', 'p384']) {
    for(const format of Object.keys(sdJwtForms)) {
      await sdJwts(format, type, context);
    }
  }
}
