// The other side's keys: made from fixed seeds, so that every run signs as the same DIDs.
// Test keys only: whoever reads this file holds them.
import {createECDH, createHash} from 'node:crypto';
import * as Bls12381Multikey from '@digitalbazaar/bls12-381-multikey';
import * as EcdsaMultikey from '@digitalbazaar/ecdsa-multikey';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';

const seed = (name, hash = 'sha256') =>
  new Uint8Array(createHash(hash).update(`bonafide interop ${name}`).digest());

// Digital Bazaar's generate() takes no seed for ECDSA: the point is computed here.
async function ecdsa(curve, nodeCurve, secretKey) {
  const ecdh = createECDH(nodeCurve);
  ecdh.setPrivateKey(secretKey);
  const publicKey = new Uint8Array(ecdh.getPublicKey(null, 'compressed'));
  return EcdsaMultikey.fromRaw({curve, secretKey, publicKey});
}

function named(key) {
  key.controller = `did:key:${key.publicKeyMultibase}`;
  key.id = `${key.controller}#${key.publicKeyMultibase}`;
  return key;
}

export const keys = {
  ed25519: named(await Ed25519Multikey.generate({seed: seed('ed25519')})),
  p256: named(await ecdsa('P-256', 'prime256v1', seed('p256'))),
  p384: named(await ecdsa('P-384', 'secp384r1', seed('p384', 'sha384'))),
  bls12381: named(await Bls12381Multikey.generateBbsKeyPair({
    seed: seed('bls12381'), algorithm: Bls12381Multikey.ALGORITHMS.BBS_BLS12381_SHA256
  })),
  // The agent that a credential speaks of, where it has to prove its key.
  holder: named(await Ed25519Multikey.generate({seed: seed('holder')}))
};

const modules = {z6Mk: Ed25519Multikey, zDna: EcdsaMultikey, z82L: EcdsaMultikey};

/** The JOSE algorithm that goes with a Multikey. */
export const joseAlgorithm = multikey =>
  ({z6Mk: 'EdDSA', zDna: 'ES256', z82L: 'ES384'})[multikey.slice(0, 4)];

/** A key as JWK: the public part, or with its secret. */
export async function toJwk(key, {secretKey = false} = {}) {
  const jwk = await modules[key.publicKeyMultibase.slice(0, 4)].toJwk({keyPair: key, secretKey});
  const {kty, crv, x, y} = jwk;
  // Digital Bazaar appends the public key to an Ed25519 secret; JWK (RFC 8037) has the secret alone.
  const d = jwk.d && crv === 'Ed25519' ?
    Buffer.from(jwk.d, 'base64url').subarray(0, 32).toString('base64url') : jwk.d;
  return JSON.parse(JSON.stringify({kty, crv, x, y, d}));
}

/** A public Multikey as JWK. */
export async function multikeyToJwk(publicKeyMultibase) {
  const module = modules[publicKeyMultibase.slice(0, 4)];
  return toJwk(await module.from({
    '@context': 'https://w3id.org/security/multikey/v1', type: 'Multikey', publicKeyMultibase
  }));
}
