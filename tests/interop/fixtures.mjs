// The fixtures of this repository before the other side's verifiers: what bonafide signed when they
// were written, and what it must refuse. Needs no binary.
import * as di from './data-integrity.mjs';
import * as jose from './jose.mjs';
import {check, expectGood, expectRefused} from './report.mjs';
import {readJson, readText} from './repository.mjs';

const types = ['identity', 'builder', 'certification', 'pact-score'];
const now = new Date(readJson('fixtures/index.json').at);

export async function checkFixtures() {
  for(const suite of ['eddsa-jcs-2022', 'ecdsa-jcs-2019-p256', 'ecdsa-jcs-2019-p384']) {
    for(const type of types) {
      const verify = name => di.verify(readJson(`fixtures/${suite}/${type}/${name}.json`), {now});
      await check(`fixture→theirs ${suite} ${type}`, async () => expectGood(await verify('valid')));
      for(const name of ['tampered', 'expired', 'forged-issuer']) {
        await check(`fixture→theirs ${suite} ${type}, ${name}`, async () =>
          expectRefused(await verify(name)));
      }
    }
    const presentation = name => di.verifyPresentation(
      readJson(`fixtures/${suite}/presentation/${name}.json`),
      {challenge: '9f1c2d', domain: 'https://pay.example', now});
    await check(`fixture→theirs ${suite} presentation`, async () =>
      expectGood(await presentation('platinum')));
    for(const name of ['old-nonce', 'other-audience']) {
      await check(`fixture→theirs ${suite} presentation, ${name}`, async () =>
        expectRefused(await presentation(name)));
    }
  }
  for(const algorithm of ['jwt-eddsa', 'jwt-es256', 'jwt-es384']) {
    for(const type of types) {
      const verify = name =>
        jose.verify('vc', readText(`fixtures/${algorithm}/${type}/${name}.jwt`));
      await check(`fixture→theirs ${algorithm} ${type}`, async () => expectGood(await verify('valid')));
      for(const name of ['tampered', 'forged-issuer']) {
        await check(`fixture→theirs ${algorithm} ${type}, ${name}`, async () =>
          expectRefused(await verify(name)));
      }
    }
    await check(`fixture→theirs ${algorithm} presentation`, async () => expectGood(
      await jose.verify('vp', readText(`fixtures/${algorithm}/presentation/platinum.jwt`))));
  }
}
