// Writes what the other side signs, format by format, for trying a change by hand:
//   BONAFIDE_SAMPLES=FOLDER bash tests/interop/run PATH_TO_BONAFIDE
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import * as di from './data-integrity.mjs';
import {documents, scoreOf} from './documents.mjs';
import * as jose from './jose.mjs';
import {keys, toJwk} from './keys.mjs';
import * as sdJwt from './sd-jwt.mjs';
import {sdJwtForms} from './sd-jwt-forms.mjs';
import {suites, discloses} from './suites.mjs';

export async function writeSamples(folder) {
  const write = (name, content) => {
    const text = typeof content === 'string' ? content : JSON.stringify(content, null, 2);
    writeFileSync(join(folder, name), `${text}\n`);
  };
  mkdirSync(folder, {recursive: true});

  const exported = {};
  for(const [name, key] of Object.entries(keys)) {
    const {secretKeyMultibase, publicKeyMultibase} =
      await key.export({publicKey: true, secretKey: true});
    exported[name] = {did: key.controller, id: key.id, publicKeyMultibase, secretKeyMultibase};
    if(name !== 'bls12381') {
      exported[name].jwk = await toJwk(key, {secretKey: true});
    }
  }
  write('keys.json', exported);

  for(const [suite, type] of suites) {
    for(const [name, document] of Object.entries(documents)) {
      const prefix = `${suite}.${type}.${name.replace(' ', '-')}`;
      const unsigned = document.unsigned(keys[type].controller, suite);
      write(`${prefix}.unsigned.json`, unsigned);
      const signed = await di.issue(suite, keys[type], unsigned, {mandatoryPointers: ['/issuer']});
      if(!discloses(suite)) {
        write(`${prefix}.signed.json`, signed);
        if(suite === 'eddsa-rdfc-2022') {
          const {proofValue, ...options} = signed.proof;
          write(`${prefix}.document.nq`, (await di.canonize(unsigned)).trimEnd());
          write(`${prefix}.proof.nq`,
            (await di.canonize({'@context': unsigned['@context'], ...options})).trimEnd());
        }
        continue;
      }
      write(`${prefix}.base.json`, signed);
      write(`${prefix}.derived.json`, await di.derive(suite, signed, document.reveal));
      write(`${prefix}.reveal.json`, document.reveal);
    }
  }
  for(const type of ['ed25519', 'p256', 'p384']) {
    const cnf = {jwk: await toJwk(keys.holder)};
    write(`vc+jwt.${type}.PactScoreCredential.jwt`, await jose.sign(
      'vc', keys[type], documents.PactScoreCredential.unsigned(keys[type].controller)));
    for(const [format, form] of Object.entries(sdJwtForms)) {
      const score = scoreOf(keys[type].controller, keys.holder.controller);
      const payload = form.payload(score, cnf);
      const issued = await sdJwt.issue(format, keys[type], payload, form.frame(score));
      const reveal = form.reveal(['tier', 'dimensions']);
      write(`${format}.${type}.unsigned.json`, payload);
      write(`${format}.${type}.issued.txt`, issued);
      write(`${format}.${type}.presented.txt`, await sdJwt.present(format, issued, reveal));
      write(`${format}.${type}.bound.txt`, await sdJwt.present(format, issued, reveal,
        {holder: keys.holder, nonce: '9f1c2d', audience: 'https://pay.example'}));
    }
  }
}
