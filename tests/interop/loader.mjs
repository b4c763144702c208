// Every document that the other side may look at. Nothing is ever fetched.
import * as Bls12381Multikey from '@digitalbazaar/bls12-381-multikey';
import {contexts as credentials} from '@digitalbazaar/credentials-context';
import dataIntegrity from '@digitalbazaar/data-integrity-context';
import * as didKey from '@digitalbazaar/did-method-key';
import * as EcdsaMultikey from '@digitalbazaar/ecdsa-multikey';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import {readJson} from './repository.mjs';

const driver = didKey.driver();
for(const [multibaseMultikeyHeader, module] of Object.entries({
  z6Mk: Ed25519Multikey, zDna: EcdsaMultikey, z82L: EcdsaMultikey, zUC7: Bls12381Multikey
})) {
  driver.use({multibaseMultikeyHeader, fromMultibase: module.from});
}

const documents = new Map([
  ...credentials,
  ...dataIntegrity.contexts,
  ['https://w3id.org/bonafide/v1', readJson('schemas/contexts/bonafide-v1.jsonld')]
]);

// The issuers of the fixtures, each with its keys under their own URLs.
for(const name of ['builder', 'certifier', 'registrar', 'scorer']) {
  const document = readJson(`fixtures/trust/${name}.example.did.json`);
  documents.set(document.id, document);
  for(const method of document.verificationMethod) {
    documents.set(method.id, {'@context': 'https://w3id.org/security/multikey/v1', ...method});
  }
}

async function find(url) {
  if(url.startsWith('did:key:')) {
    return driver.get({url});
  }
  const document = documents.get(url);
  if(!document) {
    throw new Error(`not to be loaded: ${url}`);
  }
  return document;
}

export async function documentLoader(url) {
  return {contextUrl: null, documentUrl: url, document: structuredClone(await find(url))};
}
