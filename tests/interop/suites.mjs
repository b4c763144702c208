// Every Data Integrity suite with a key type that signs with it.
export const suites = [
  ['eddsa-jcs-2022', 'ed25519'],
  ['ecdsa-jcs-2019', 'p256'],
  ['ecdsa-jcs-2019', 'p384'],
  ['eddsa-rdfc-2022', 'ed25519'],
  ['ecdsa-rdfc-2019', 'p256'],
  ['ecdsa-rdfc-2019', 'p384'],
  ['ecdsa-sd-2023', 'p256'],
  ['bbs-2023', 'bls12381']
];

// Suites of which a holder derives what it discloses.
export const discloses = suite => suite === 'ecdsa-sd-2023' || suite === 'bbs-2023';
