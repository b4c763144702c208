// VC-JOSE-COSE with the JOSE library of npm, which knows JWS and nothing of credentials: what
// VC-JOSE-COSE adds is checked here.
import {CompactSign, compactVerify, importJWK} from 'jose';
import {joseAlgorithm, multikeyToJwk, toJwk} from './keys.mjs';
import {documentLoader} from './loader.mjs';

const encode = object => new TextEncoder().encode(JSON.stringify(object));

/** A compact JWS of any type. */
export async function signToken(key, typ, payload, header = {}) {
  const alg = joseAlgorithm(key.publicKeyMultibase);
  return new CompactSign(encode(payload))
    .setProtectedHeader({alg, typ, kid: key.id, ...header})
    .sign(await importJWK(await toJwk(key, {secretKey: true}), alg));
}

/** `kind` is vc or vp. */
export const sign = (kind, key, payload) => signToken(key, `${kind}+jwt`, payload, {cty: kind});

/** The public key that a `kid` names, from the loader. */
export async function keyOf(kid) {
  const {document: {publicKeyMultibase}} = await documentLoader(kid);
  return {alg: joseAlgorithm(publicKeyMultibase), jwk: await multikeyToJwk(publicKeyMultibase)};
}

export async function verify(kind, token) {
  try {
    const {payload, protectedHeader: header} = await compactVerify(token, async ({kid, alg}) => {
      const found = await keyOf(kid);
      if(found.alg !== alg) {
        throw new Error(`alg is ${alg}, the key is for ${found.alg}`);
      }
      return importJWK(found.jwk, alg);
    });
    const claims = JSON.parse(new TextDecoder().decode(payload));
    const signer = header.kid.split('#')[0];
    const named = kind === 'vc' ? claims.issuer?.id ?? claims.issuer : claims.holder?.id ?? claims.holder;
    const wrong = [
      header.typ !== `${kind}+jwt` && `typ is ${header.typ}`,
      header.cty !== kind && `cty is ${header.cty}`,
      named !== undefined && named !== signer && `signed by ${signer}, in the name of ${named}`,
      kind === 'vc' && named === undefined && 'no issuer',
      (claims.vc ?? claims.vp) !== undefined && 'a vc or vp claim'
    ].filter(Boolean);
    return {good: wrong.length === 0, why: wrong.join('; '), claims};
  } catch(error) {
    return {good: false, why: error.message};
  }
}
