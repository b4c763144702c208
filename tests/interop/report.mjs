// One line a check; at the end what failed, once more, and the sum.
let passed = 0;
const failed = [];

export async function check(name, work) {
  try {
    await work();
    passed++;
    console.log(`${name} ok`);
  } catch(error) {
    const details = error.details && JSON.stringify(error.details.event?.details ?? error.details);
    failed.push(`${name} FAILED: ${[error.message, details].filter(Boolean).join(' ')}`);
    console.log(failed.at(-1));
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
  failed.forEach(line => console.log(line));
  console.log(`${passed} passed, ${failed.length} failed`);
  return failed.length === 0 && passed > 0;
}
