// The one place that knows bonafide's command line.
import {spawnSync} from 'node:child_process';
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {path} from './repository.mjs';

const binary = process.env.BONAFIDE_BINARY;
const folder = process.env.BONAFIDE_WORK;

// Exit codes: 0 good, 1 not good, 2 neither; everything else is a mistake of these checks or a fault.
const GOOD = 0;
const REFUSED = 1;
const UNDECIDED = 2;

let counter = 0;
const fresh = ending => join(folder, `${++counter}${ending}`);

const isText = document => typeof document === 'string';

function write(document) {
  const file = fresh(isText(document) ? '.txt' : '.json');
  writeFileSync(file, isText(document) ? document : JSON.stringify(document));
  return file;
}

function read(file) {
  const text = readFileSync(file, 'utf8').trim();
  return text.startsWith('{') ? JSON.parse(text) : text;
}

function run(...args) {
  const {status, stdout, stderr, error} = spawnSync(binary, args, {encoding: 'utf8'});
  if(error) {
    throw error;
  }
  return {status, said: `${stderr}${stdout}`.trim(), stdout};
}

function done(...args) {
  const {status, said, stdout} = run(...args);
  if(status !== GOOD) {
    throw new Error(`bonafide ${args.slice(0, 2).join(' ')} ended with ${status}: ${said}`);
  }
  return stdout.trim();
}

function written(make) {
  const out = fresh('.out');
  make(out);
  return read(out);
}

// In base58, one BLS12-381 Multikey in about a hundred begins with zUC6; Digital Bazaar's suite knows
// zUC7 alone.
const isUnknownToThem = did => did.startsWith('did:key:zUC') && !did.startsWith('did:key:zUC7');

/** A new key: its file and its did:key. */
export function newKey(type) {
  const file = fresh('.key');
  done('key', 'new', '--alg', type, '--out', file);
  const did = done('key', 'show', file, '--did');
  return isUnknownToThem(did) ? newKey(type) : {file, did};
}

/** Signs a whole unsigned credential. */
export const issue = (format, key, unsigned) => written(out => done(
  'issue', '--key', key.file, '--claims', write(unsigned), '--format', format, '--out', out));

/** Signs a score about a subject, as an issuer does. */
export const issueScore = (format, key, subject) => written(out => done(
  'issue', '--key', key.file, '--type', 'PactScoreCredential', '--subject', subject,
  '--claims', path('fixtures/claims/pact-score-platinum.json'),
  '--status', 'https://scorer.example/status/1', '--index', '4711',
  '--format', format, '--out', out));

/** Discloses what the JSON pointers name. */
export const derive = (secured, pointers) => written(out => done(
  'derive', write(secured), ...pointers.flatMap(pointer => ['--reveal', pointer]), '--out', out));

const binding = {
  'data-integrity': ({challenge, domain}) => ['--challenge', challenge, '--domain', domain],
  jwt: ({challenge, domain}) => ['--nonce', challenge, '--audience', domain]
};

/** Presents credentials as the holder of a key; an SD-JWT gets a key binding. */
export const present = (format, key, credentials, answers) => written(out => done(
  'present', ...[credentials].flat().map(write), '--key', key.file, '--format', format,
  ...binding[format.endsWith('jwt') ? 'jwt' : 'data-integrity'](answers), '--out', out));

const asked = (secured, answers) =>
  answers ? binding[isText(secured) ? 'jwt' : 'data-integrity'](answers) : [];

/** Whether form and proof are good. */
export function verify(secured, {answers} = {}) {
  const {status, said} =
    run('verify', write(secured), '--proof-only', ...asked(secured, answers));
  if(status !== GOOD && status !== REFUSED) {
    throw new Error(`bonafide verify ended with ${status}: ${said}`);
  }
  return {good: status === GOOD, why: said};
}

/** Signs status lists into a bundle; where it lies. */
export function bundle(key, lists) {
  const out = fresh('.bundle');
  done('bundle', 'make', '--key', key.file, '--out', out,
    ...lists.flatMap(list => ['--status-list', write(list)]));
  return out;
}

/** The whole verdict under a policy (TOML) and a bundle: outcome, level, codes of the reasons. */
export function decide(secured, {policy, bundle, answers}) {
  const {status, said, stdout} = run(
    'verify', write(secured), '--json', '--policy', write(policy), '--bundle', bundle,
    ...asked(secured, answers));
  if(![GOOD, REFUSED, UNDECIDED].includes(status)) {
    throw new Error(`bonafide verify ended with ${status}: ${said}`);
  }
  const {outcome, level, reasons} = JSON.parse(stdout);
  return {outcome, level, reasons: [...new Set(reasons.map(reason => reason.code))]};
}
