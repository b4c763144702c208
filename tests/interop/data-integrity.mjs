// Digital Bazaar's Data Integrity: issue, derive, verify, present.
import * as bbs2023 from '@digitalbazaar/bbs-2023-cryptosuite';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import * as ecdsaJcs2019 from '@digitalbazaar/ecdsa-jcs-2019-cryptosuite';
import {cryptosuite as ecdsaRdfc2019} from '@digitalbazaar/ecdsa-rdfc-2019-cryptosuite';
import * as ecdsaSd2023 from '@digitalbazaar/ecdsa-sd-2023-cryptosuite';
import * as eddsaJcs2022 from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import {cryptosuite as eddsaRdfc2022} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import * as vc from '@digitalbazaar/vc';
import {documentLoader} from './loader.mjs';

// The rdfc suites are one object for both directions.
const both = cryptosuite =>
  ({createSignCryptosuite: () => cryptosuite, createVerifyCryptosuite: () => cryptosuite});

const suites = {
  'eddsa-jcs-2022': eddsaJcs2022,
  'ecdsa-jcs-2019': ecdsaJcs2019,
  'eddsa-rdfc-2022': both(eddsaRdfc2022),
  'ecdsa-rdfc-2019': both(ecdsaRdfc2019),
  'ecdsa-sd-2023': ecdsaSd2023,
  'bbs-2023': bbs2023
};

// Status is not what is asked here.
const checkStatus = async () => ({verified: true});

const signing = (suite, key, options) => new DataIntegrityProof({
  signer: key.signer(), cryptosuite: suites[suite].createSignCryptosuite(options)
});

// For every suite, since a presentation may hold credentials of any.
const verifying = () => Object.values(suites).map(module =>
  new DataIntegrityProof({cryptosuite: module.createVerifyCryptosuite()}));

export async function issue(suite, key, unsigned, {mandatoryPointers} = {}) {
  return vc.issue({
    credential: structuredClone(unsigned),
    suite: signing(suite, key, mandatoryPointers && {mandatoryPointers}),
    documentLoader
  });
}

export async function derive(suite, base, selectivePointers) {
  const cryptosuite = suites[suite].createDiscloseCryptosuite({selectivePointers});
  return vc.derive({
    verifiableCredential: structuredClone(base),
    suite: new DataIntegrityProof({cryptosuite}),
    documentLoader
  });
}

export async function present(suite, key, verifiableCredential, {challenge, domain}) {
  const presentation = vc.createPresentation({verifiableCredential, holder: key.controller});
  return vc.signPresentation(
    {presentation, suite: signing(suite, key), challenge, domain, documentLoader});
}

/** True or false; `now` for documents of another day. */
export async function verify(credential, {now = new Date()} = {}) {
  const result = await vc.verifyCredential({
    credential: structuredClone(credential), suite: verifying(), documentLoader, checkStatus, now
  });
  return answer(result);
}

export async function verifyPresentation(presentation, {challenge, domain, now = new Date()}) {
  const result = await vc.verify({
    presentation: structuredClone(presentation), suite: verifying(), documentLoader, checkStatus,
    challenge, domain, now
  });
  return answer(result);
}

// With the reason, so that a failed check says more than its name.
function answer({verified, error, results, presentationResult, credentialResults}) {
  const errors = [error, ...(results ?? []), ...(presentationResult?.results ?? []),
    ...(credentialResults ?? [])].flatMap(item => item?.errors ?? item?.error ?? item ?? []);
  return {good: verified === true, why: errors.map(item => item.message).filter(Boolean).join('; ')};
}

/** The N-Quads that the rdfc suites hash, for looking at a difference. */
export const canonize = document =>
  eddsaRdfc2022.canonize(document, {documentLoader, base: null, safe: true});
