// SD-JWT (RFC 9901) with the OpenWallet Foundation's library: SD-JWT VC (`dc+sd-jwt`), and the
// credentials and presentations of VC-JOSE-COSE (`vc+sd-jwt`, `vp+sd-jwt`), of which it knows the
// SD-JWT alone; with and without key binding.
import {
  createHash, createPrivateKey, createPublicKey, randomBytes, sign as signBytes, verify as verifyBytes
} from 'node:crypto';
import {SDJwtInstance} from '@sd-jwt/core';
import {SDJwtVcInstance} from '@sd-jwt/sd-jwt-vc';
import {joseAlgorithm, toJwk} from './keys.mjs';
import {keyOf} from './jose.mjs';

class VcSdJwt extends SDJwtInstance {
  type = 'vc+sd-jwt';
}
class VpSdJwt extends SDJwtInstance {
  type = 'vp+sd-jwt';
}
// Status is not what is asked here, and the library would fetch it.
class DcSdJwt extends SDJwtVcInstance {
  async verifyStatus() {}
}
const instances = {'dc+sd-jwt': DcSdJwt, 'vc+sd-jwt': VcSdJwt, 'vp+sd-jwt': VpSdJwt};
const contentTypes = {'vc+sd-jwt': 'vc', 'vp+sd-jwt': 'vp'};

const hasher = (data, algorithm) =>
  new Uint8Array(createHash(algorithm.replace('-', '')).update(data).digest());
const saltGenerator = () => randomBytes(16).toString('base64url');
const digest = {EdDSA: null, ES256: 'sha256', ES384: 'sha384'};
const dsaEncoding = 'ieee-p1363';

async function signer(key) {
  const algorithm = joseAlgorithm(key.publicKeyMultibase);
  const secret = createPrivateKey({key: await toJwk(key, {secretKey: true}), format: 'jwk'});
  return data => signBytes(digest[algorithm], Buffer.from(data), {key: secret, dsaEncoding})
    .toString('base64url');
}

const check = (algorithm, jwk, data, signature) => verifyBytes(
  digest[algorithm], Buffer.from(data),
  {key: createPublicKey({key: jwk, format: 'jwk'}), dsaEncoding}, Buffer.from(signature, 'base64url'));

const header = token => JSON.parse(Buffer.from(token.split('.')[0], 'base64url'));

/** `frame` names what can be disclosed selectively. */
export async function issue(type, key, payload, frame) {
  const instance = new instances[type]({
    signer: await signer(key), signAlg: joseAlgorithm(key.publicKeyMultibase),
    hasher, hashAlg: 'sha-256', saltGenerator
  });
  return instance.issue(payload, frame, {header: {kid: key.id, cty: contentTypes[type]}});
}

/** Discloses what `frame` names; with `kb` the holder binds it to a nonce and an audience. */
export async function present(type, token, frame, {holder, nonce, audience} = {}) {
  const instance = new instances[type]({
    hasher, hashAlg: 'sha-256', saltGenerator,
    ...(holder && {kbSigner: await signer(holder), kbSignAlg: joseAlgorithm(holder.publicKeyMultibase)})
  });
  const iat = Math.floor(Date.now() / 1000);
  return instance.present(token, frame, holder && {kb: {payload: {iat, aud: audience, nonce}}});
}

/** With a nonce, a key binding for this nonce and audience is required; `now` for tokens of another day. */
export async function verify(type, token, {nonce, audience, now = new Date()} = {}) {
  try {
    const {kid, alg, typ, cty} = header(token);
    if(typ !== type) {
      throw new Error(`typ is ${typ}`);
    }
    if(cty !== contentTypes[type]) {
      throw new Error(`cty is ${cty}`);
    }
    const issuer = await keyOf(kid);
    if(issuer.alg !== alg) {
      throw new Error(`alg is ${alg}, the key is for ${issuer.alg}`);
    }
    const instance = new instances[type]({
      hasher, hashAlg: 'sha-256', saltGenerator,
      verifier: (data, signature) => check(alg, issuer.jwk, data, signature),
      kbVerifier: (data, signature, claims) =>
        check(header(data).alg, claims.cnf.jwk, data, signature)
    });
    const {payload, kb} = await instance.verify(
      token, {keyBindingNonce: nonce, currentDate: Math.floor(now / 1000)});
    const named = payload.iss ?? payload.issuer?.id ?? payload.issuer ?? payload.holder;
    if(named !== kid.split('#')[0]) {
      throw new Error(`signed by ${kid}, in the name of ${named}`);
    }
    if(nonce && kb.payload.aud !== audience) {
      throw new Error(`the audience is ${kb.payload.aud}`);
    }
    return {good: true, claims: payload};
  } catch(error) {
    return {good: false, why: error.message};
  }
}
