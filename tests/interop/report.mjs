// One line a check, and the sum at the end.
let passed = 0;
let failed = 0;

export async function check(name, work) {
  try {
    await work();
    passed++;
    console.log(`${name} ok`);
  } catch(error) {
    failed++;
    const details = error.details && JSON.stringify(error.details.event?.details ?? error.details);
    console.log(`${name} FAILED: ${[error.message, details].filter(Boolean).join(' ')}`);
  }
}

export function expectGood({good, why}) {
  if(good !== true) {
    throw new Error(`refused: ${why}`);
  }
}

export function expectRefused({good}) {
  if(good !== false) {
    throw new Error('accepted, and must not be');
  }
}

export function summary() {
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0;
}
